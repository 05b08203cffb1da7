"""What becomes of an extraction when files have odd names, grow, are replaced, lack frames or are masked."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headhunt.errors import FingerprintError, InputError, StaleError
from headhunt.extraction import decode_worker
from headhunt.records import Head
from headhunt.stages.dry_run import dry_run
from headhunt.stages.extract import ExtractConfig, extract
from headhunt.stages.label import label
from headhunt.store import RowStatus, Store, VideoStatus
from tests.extraction.test_masks import write_mask
from tests.made_videos import write_image, write_video

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def config(tiny: Path) -> ExtractConfig:
    return ExtractConfig(model=str(tiny), n_frames=4, batch_size=2, decoders=0, units="segment")


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A raw stream of 96 frames, the same with 96 more behind it, and videos of equal size."""
    folder = tmp_path_factory.mktemp("pieces")
    parts = [
        write_video(folder / f"{first}.mjpg", 96, first_number=first, codec="mjpeg", pix_fmt="yuvj420p").read_bytes()
        for first in (0, 96)
    ]
    (folder / "begin.mjpg").write_bytes(parts[0])
    (folder / "longer.mjpg").write_bytes(parts[0] + parts[1])
    one, two = (write_video(folder / f"{i}.mp4", 48, first_number=i).read_bytes() for i in (0, 100))
    size = max(len(one), len(two)) + 16
    for name, data in (("one.mp4", one), ("two.mp4", two)):
        free = size - len(data)
        (folder / name).write_bytes(data + free.to_bytes(4, "big") + b"free" + bytes(free - 8))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "videos"
    made.mkdir()
    return made


def rows(store: Path) -> dict[str, list[tuple[int, int, int]]]:
    opened = Store(store)
    paths, table = opened.videos().path, opened.segments()
    found: dict[str, list[tuple[int, int, int]]] = {}
    for v, a, b, s in zip(table.video, table.start_frame, table.end_frame, table.status, strict=True):
        found.setdefault(paths[v], []).append((int(a), int(b), int(s)))
    return found


def vectors(store: Path, video: str) -> np.ndarray:
    opened = Store(store)
    table = opened.segments()
    mine = (table.video == opened.videos().path.index(video)) & (table.status == RowStatus.DONE)
    return opened.heads(table.row[mine], [Head(0, 0), Head(2, 3)], prompt="coarse")


DONE = RowStatus.DONE


# names


def test_a_damaged_file_whose_name_is_not_utf8_stops_nothing(
    config: ExtractConfig, folder: Path, tmp_path: Path
) -> None:
    write_video(folder / "sound.mp4", 48)
    for name in (b"bad\xff.mp4", b"empty\xe9.mp4"):
        (Path(os.fsdecode(os.fsencode(folder) + b"/" + name))).write_bytes(b"" if b"empty" in name else b"text" * 99)
    report = extract([folder], tmp_path / "s.zarr", config)
    assert report.rows_done == 1
    assert [name for name, _ in report.failed] == ["bad\\xff.mp4", "empty\\xe9.mp4"]
    assert "bad\\xff.mp4" in dict(report.failed)["bad\\xff.mp4"]
    json.dumps(report.failed, ensure_ascii=False).encode()
    again = extract([folder], tmp_path / "s.zarr", config)
    assert (again.rows_kept, again.failed) == (1, report.failed)


def test_folders_and_stores_may_have_such_names_too(config: ExtractConfig, tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/vid\xe9os"))
    (folder / os.fsdecode(b"sub\xff")).mkdir(parents=True)
    write_video(tmp_path / "a.mp4", 48).rename(folder / os.fsdecode(b"sub\xff") / "a.mp4")
    (folder / "text.mp4").write_text("no video")
    store = Path(os.fsdecode(os.fsencode(tmp_path) + b"/st\xf6re.zarr"))
    report = extract([folder], store, config)
    assert (report.rows_done, [name for name, _ in report.failed]) == (1, ["text.mp4"])
    assert Store(store).videos().path == ("sub\\xff/a.mp4", "text.mp4")
    assert "vid\\xe9os" in dict(report.failed)["text.mp4"]


def test_a_manifest_names_such_a_file_by_its_text(config: ExtractConfig, folder: Path, tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", 48).rename(folder / os.fsdecode(b"caf\xe9.mp4"))
    (folder / "list.csv").write_text("video,split,label,events\ncaf\\xe9.mp4,test,normal,\n")
    report = extract([folder / "list.csv"], tmp_path / "s.zarr", config)
    assert (report.rows_done, report.failed, report.unlisted) == (1, [], [])


def test_the_command_line_speaks_of_such_names(config: ExtractConfig, folder: Path, tmp_path: Path) -> None:
    (folder / os.fsdecode(b"bad\xff.mp4")).write_text("no video")
    write_video(folder / "a.mp4", 48)
    command = [sys.executable, "-m", "vadkit", "extract", str(folder), "--store", str(tmp_path / "s.zarr"), "--json"]
    command += ["--model", str(config.model), "--frames", "4", "--units", "segment"]
    done = subprocess.run(command, capture_output=True, timeout=240, check=False)
    assert done.returncode == 3, done.stderr
    assert [one["video"] for one in json.loads(done.stdout)["failed"]] == ["bad\\xff.mp4"]
    assert b"bad\\xff.mp4: " in done.stderr
    assert b"Traceback" not in done.stderr


# folders


def test_what_is_passed_over_is_told_and_stops_nothing(config: ExtractConfig, folder: Path, tmp_path: Path) -> None:
    write_video(folder / "cam1.mp4", 48)
    (folder / "@eaDir" / "cam1.mp4").mkdir(parents=True)
    for i in range(3):
        (folder / "@eaDir" / "cam1.mp4" / f"SYNOVIDEO_{i}.jpg").touch()
    (folder / "cam1.srt").touch()
    report = extract([folder], tmp_path / "s.zarr", config)
    assert (report.videos, report.rows_done, report.failed) == (1, 1, [])
    told = " ".join(report.notes)
    assert "1 folder (@eaDir)" in told
    assert "1 file (1 .srt)" in told
    assert any("@eaDir" in note for note in dry_run([folder], tmp_path / "s.zarr", config).notes)


def test_webp_frames_are_a_video(config: ExtractConfig, folder: Path, tmp_path: Path) -> None:
    import base64

    grey = base64.b64decode("UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAUAmJaQAA3AA/v89WAAAAA==")
    (folder / "cam").mkdir()
    for i in range(5):
        (folder / "cam" / f"{i}.webp").write_bytes(grey)
    report = extract([folder], tmp_path / "s.zarr", config)
    assert (report.rows_done, report.failed) == (1, [])


# files that changed


def test_a_file_replaced_by_another_of_the_same_size_is_noticed(
    config: ExtractConfig, pieces: Path, folder: Path, tmp_path: Path
) -> None:
    shutil.copy(pieces / "one.mp4", folder / "a.mp4")
    assert extract([folder], tmp_path / "s.zarr", config).rows_done == 1
    shutil.copy(pieces / "two.mp4", folder / "a.mp4")
    with pytest.raises(StaleError, match="1 videos changed") as caught:
        extract([folder], tmp_path / "s.zarr", config)
    assert "a.mp4: as large as then, but another file" in str(caught.value)
    shutil.copy(pieces / "one.mp4", folder / "a.mp4")  # the old file with a new time
    assert extract([folder], tmp_path / "s.zarr", config).rows_kept == 1


def test_a_store_without_digests_gets_them(config: ExtractConfig, pieces: Path, folder: Path, tmp_path: Path) -> None:
    shutil.copy(pieces / "one.mp4", folder / "a.mp4")
    store = tmp_path / "s.zarr"
    extract([folder], store, config)
    digest = Store(store).videos().digest
    assert digest[0].startswith("sha256:")
    meta = json.loads((store / "videos" / "zarr.json").read_text())
    for column in ("digest", "modified_ns", "mask"):  # as a store of the first edition
        shutil.rmtree(store / "videos" / column)
        meta["attributes"]["complete"].remove(column)
    (store / "videos" / "zarr.json").write_text(json.dumps(meta))
    assert Store(store).videos().digest == ("",)
    assert extract([folder], store, config).rows_kept == 1
    assert Store(store).videos().digest == digest
    shutil.copy(pieces / "two.mp4", folder / "a.mp4")
    with pytest.raises(StaleError):
        extract([folder], store, config)


@pytest.fixture
def grown(config: ExtractConfig, pieces: Path, folder: Path, tmp_path: Path) -> Path:
    """A store of a video half extracted that has grown since, and of another one that has not."""
    store = tmp_path / "s.zarr"
    shutil.copy(pieces / "begin.mjpg", folder / "cam.mjpg")

    def stop(what: str, count: int, _total: int) -> None:
        if what == "segments" and count:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract([folder], store, replace(config, batch_size=1), progress=stop)
    shutil.copy(pieces / "longer.mjpg", folder / "cam.mjpg")
    write_video(folder / "other.mp4", 48)
    return store


def test_a_file_that_grew_is_named_kept_and_does_not_block_others(
    config: ExtractConfig, grown: Path, folder: Path
) -> None:
    planned = rows(grown)["cam.mjpg"]
    assert [s for *_, s in planned] == [DONE, RowStatus.PLANNED]
    report = extract([folder], grown, config)
    assert [note for note in report.notes if "cam.mjpg grew" in note]
    assert report.failed == []
    after = rows(grown)
    assert [(a, b) for a, b, _ in after["cam.mjpg"]] == [(a, b) for a, b, _ in planned]
    assert {s for found in after.values() for *_, s in found} == {DONE}
    assert "other.mp4" in after


def test_a_file_that_grew_is_done_anew_when_told(
    config: ExtractConfig, grown: Path, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "labels.csv").write_text("video,split,label,events\ncam.mjpg,train,Fight,10-20\n")
    label(tmp_path / "labels.csv", grown)
    report = extract([folder], grown, replace(config, grown="redo"))
    assert [note for note in report.notes if "cam.mjpg grew" in note]
    assert report.failed == []
    extract([folder], tmp_path / "fresh.zarr", config)
    assert rows(grown) == rows(tmp_path / "fresh.zarr")
    np.testing.assert_array_equal(vectors(grown, "cam.mjpg"), vectors(tmp_path / "fresh.zarr", "cam.mjpg"))
    table = Store(grown).videos()
    place = table.path.index("cam.mjpg")
    assert (table.split[place], table.label[place], len(table.events[place])) == ("train", "Fight", 1)
    assert table.bytes[table.path.index("cam.mjpg")] == (folder / "cam.mjpg").stat().st_size
    made = Store(grown)
    assert made.rows_digest(made.segments()) != Store(tmp_path / "fresh.zarr").rows_digest(
        Store(tmp_path / "fresh.zarr").segments()
    )
    again = extract([folder], grown, replace(config, grown="redo"))
    assert (again.rows_done, [note for note in again.notes if "grew" in note]) == (0, [])


def test_a_larger_file_that_begins_otherwise_gets_no_more_rows(
    config: ExtractConfig, grown: Path, folder: Path
) -> None:
    data = bytearray((folder / "cam.mjpg").read_bytes())
    data[300] ^= 1
    (folder / "cam.mjpg").write_bytes(data)
    report = extract([folder], grown, config)
    assert [name for name, _ in report.failed] == ["cam.mjpg"]
    assert "does not begin as it did" in report.failed[0][1]
    assert [s for *_, s in rows(grown)["cam.mjpg"]] == [DONE, RowStatus.FAILED]
    assert [s for *_, s in rows(grown)["other.mp4"]] == [DONE]


def test_a_file_that_grew_into_one_that_cannot_be_read_keeps_its_rows(
    config: ExtractConfig, grown: Path, folder: Path
) -> None:
    (folder / "cam.mjpg").write_bytes(b"text" * (folder / "cam.mjpg").stat().st_size)
    report = extract([folder], grown, replace(config, grown="redo"))
    assert [name for name, _ in report.failed] == ["cam.mjpg"]
    assert rows(grown)["cam.mjpg"][0] == (0, 48, DONE)


# signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_extraction_that_is_asked_to_end_keeps_what_it_finished(
    config: ExtractConfig, folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    write_video(folder / "a.mp4", 4000)
    command = [sys.executable, "-m", "vadkit", "extract", str(folder), "--store", str(tmp_path / "s.zarr")]
    command += ["--model", str(config.model), "--units", "segment", "--stride", "4", "--flush-s", "0.05"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        for _ in range(1200):
            time.sleep(0.1)
            assert running.poll() is None, running.communicate()
            if (tmp_path / "s.zarr" / "zarr.json").is_file() and len(Store(tmp_path / "s.zarr").segments().done()):
                break
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert err.endswith("interrupted; run the same command again to go on\n")
    assert "Traceback" not in err
    assert len(Store(tmp_path / "s.zarr").segments().done()) > 0


# frames that cannot be decoded


@pytest.fixture
def lacking(folder: Path) -> Path:
    """Frames in a folder; two of those sampled from the first segment are damaged, all from the second."""
    (folder / "cam").mkdir()
    for i in range(96):
        write_image(folder / "cam" / f"{i:03d}.png", i)
    for i in (6, 18, 54, 66, 78, 90):
        (folder / "cam" / f"{i:03d}.png").write_bytes(b"no image")
    return folder


def test_missing_frames_fail_their_segment_unless_some_may_be(
    config: ExtractConfig, lacking: Path, tmp_path: Path
) -> None:
    report = extract([lacking], tmp_path / "none.zarr", config)
    assert [s for *_, s in rows(tmp_path / "none.zarr")["cam"]] == [RowStatus.FAILED] * 2
    assert report.rows_failed == 2
    assert extract([lacking], tmp_path / "one.zarr", replace(config, missing_frames=1)).rows_failed == 2
    report = extract([lacking], tmp_path / "two.zarr", replace(config, missing_frames=2))
    assert (report.rows_done, report.rows_failed) == (1, 1)
    assert (report.frames_missing, report.rows_missing) == (2, 1)
    assert Store(tmp_path / "two.zarr").segments().missing.tolist() == [2, 0]
    assert Store(tmp_path / "two.zarr").fingerprint.missing_frames == 2
    assert "missing_frames" not in Store(tmp_path / "none.zarr").fingerprint.to_json()
    with pytest.raises(FingerprintError, match="missing_frames: store 2, now 0"):
        extract([lacking], tmp_path / "two.zarr", config)


def test_the_nearest_frame_of_the_segment_stands_in(lacking: Path, config: ExtractConfig, tmp_path: Path) -> None:
    """6 and 18 are shown by 30: of the frames that were sampled it is the nearest."""
    extract([lacking], tmp_path / "two.zarr", replace(config, missing_frames=2))
    for i in (6, 18):
        write_image(lacking / "cam" / f"{i:03d}.png", 30)
    extract([lacking], tmp_path / "whole.zarr", config)
    np.testing.assert_array_equal(vectors(tmp_path / "two.zarr", "cam")[0], vectors(tmp_path / "whole.zarr", "cam")[0])


def test_segments_that_overlap_do_not_take_each_others_frames(
    lacking: Path, config: ExtractConfig, tmp_path: Path
) -> None:
    sampled = replace(config, missing_frames=3, stride=12, length=24, n_frames=4, sharing="packed")
    extract([lacking], tmp_path / "batched.zarr", replace(sampled, batch_size=8))
    extract([lacking], tmp_path / "alone.zarr", replace(sampled, batch_size=1))
    alone, batched = (Store(tmp_path / f"{name}.zarr") for name in ("alone", "batched"))
    assert alone.segments().missing.tolist() == batched.segments().missing.tolist()
    np.testing.assert_allclose(
        vectors(tmp_path / "alone.zarr", "cam"), vectors(tmp_path / "batched.zarr", "cam"), atol=2e-3
    )


# masks


def corner(path: Path, *, size: tuple[int, int] = (64, 48)) -> Path:
    pixels = np.full((size[1], size[0]), 255, np.uint8)
    pixels[: size[1] // 4, : size[0] // 2] = 0
    return write_mask(path, pixels)


def test_what_a_mask_ignores_changes_no_feature(
    config: ExtractConfig, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_video(folder / "a.mp4", 48)
    masked = replace(config, mask=corner(tmp_path / "cam.png"))
    report = extract([folder], tmp_path / "masked.zarr", masked)
    assert any("ignores 12.5 % of the picture" in note for note in report.notes)
    extract([folder], tmp_path / "plain.zarr", config)
    original = decode_worker.video.stream

    def clock(path, groups, *, info, transform):
        def painted(frame):
            frame = frame.copy()
            frame[:12, :32] = np.random.default_rng().integers(0, 255, (12, 32, 3))
            return transform(frame)

        return original(path, groups, info=info, transform=painted)

    monkeypatch.setattr(decode_worker.video, "stream", clock)
    extract([folder], tmp_path / "again.zarr", masked)
    np.testing.assert_array_equal(vectors(tmp_path / "masked.zarr", "a.mp4"), vectors(tmp_path / "again.zarr", "a.mp4"))
    assert np.abs(vectors(tmp_path / "masked.zarr", "a.mp4") - vectors(tmp_path / "plain.zarr", "a.mp4")).max() > 1e-3


def test_a_mask_is_part_of_what_features_depend_on(config: ExtractConfig, folder: Path, tmp_path: Path) -> None:
    write_video(folder / "a.mp4", 48)
    store = tmp_path / "s.zarr"
    masked = replace(config, mask=corner(tmp_path / "cam.png"))
    extract([folder], store, masked)
    digest = Store(store).fingerprint.mask
    assert Store(store).videos().mask == (digest,)
    extract([folder], store, replace(masked, mask=Path(shutil.copy(tmp_path / "cam.png", tmp_path / "same.png"))))
    for other in (None, corner(tmp_path / "other.png", size=(128, 96))):
        with pytest.raises(FingerprintError, match="mask: store"):
            extract([folder], store, replace(masked, mask=other))
    assert "mask" not in _plain_print(config, folder, tmp_path)


def _plain_print(config: ExtractConfig, folder: Path, tmp_path: Path) -> dict:
    extract([folder], tmp_path / "plain.zarr", config)
    return Store(tmp_path / "plain.zarr").fingerprint.to_json()


def test_a_manifest_names_masks_and_a_video_stays_with_its_own(
    config: ExtractConfig, folder: Path, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        write_video(folder / f"{name}.mp4", 48)
    corner(folder / "cam.png", size=(32, 24))
    manifest, store = folder / "manifest.csv", tmp_path / "s.zarr"
    manifest.write_text("video,split,label,events,mask\na.mp4,,,,cam.png\nb.mp4,,,,\n")
    extract([manifest], store, config)
    masked, plain = vectors(store, "a.mp4"), vectors(store, "b.mp4")
    assert np.abs(masked - plain).max() > 1e-3
    digests = Store(store).videos().mask
    assert [bool(one) for one in digests] == [True, False]
    assert extract([manifest], store, config).rows_kept == 2
    manifest.write_text("video,split,label,events,mask\na.mp4,,,,cam.png\nb.mp4,,,,cam.png\n")
    with pytest.raises(StaleError, match="another mask"):
        extract([manifest], store, config)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xd8\xff a photograph", b"\x89PNG\r\n\x1a\n cut"])
def test_a_mask_that_cannot_be_read_is_refused_before_anything_is_done(
    config: ExtractConfig, folder: Path, tmp_path: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_video(folder / "a.mp4", 48)
    mask = tmp_path / "cam.png"
    if content is not None:
        mask.write_bytes(content)
    monkeypatch.setattr("headhunt.stages.extract.prepare", lambda _: pytest.fail("the model was loaded"))
    for run in (extract, dry_run):
        with pytest.raises(InputError, match=r"mask .*cam\.png cannot be read"):
            run([folder], tmp_path / "s.zarr", replace(config, mask=mask))
    (folder / "manifest.csv").write_text(f"video,split,label,events,mask\na.mp4,,,,{mask}\n")
    with pytest.raises(InputError, match=r"mask .*cam\.png cannot be read"):
        extract([folder], tmp_path / "s.zarr", config)
    assert not (tmp_path / "s.zarr").exists()


def test_a_video_that_a_mask_does_not_fit_is_recorded_and_the_rest_is_done(
    config: ExtractConfig, folder: Path, tmp_path: Path
) -> None:
    write_video(folder / "a.mp4", 48)
    write_video(folder / "large.mp4", 48, size=(128, 96))
    write_video(folder / "upright.mp4", 48, size=(64, 48), rotation=90)
    report = extract([folder], tmp_path / "s.zarr", replace(config, mask=corner(tmp_path / "cam.png")))
    assert (report.rows_done, [name for name, _ in report.failed]) == (2, ["upright.mp4"])
    assert "got: 64 x 48; expected: 48 x 64" in report.failed[0][1]
    table = Store(tmp_path / "s.zarr").videos()
    assert table.status.tolist() == [VideoStatus.DONE, VideoStatus.DONE, VideoStatus.FAILED]
