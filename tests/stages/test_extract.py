"""The expensive pass end to end on a tiny model: what it stores, how it resumes, what it refuses."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import av
import numpy as np
import pytest

from headhunt import models, segments, video
from headhunt.artefacts.head_sets import write_file
from headhunt.datasets.manifest import write_manifest
from headhunt.errors import FingerprintError, InputError, ManifestError, StaleError, StoreBusyError, UsageError
from headhunt.extraction.activations import Extractor
from headhunt.extraction.passes import Passes
from headhunt.models import random as embedded
from headhunt.records import Head, HeadSet, Interval, ManifestRow
from headhunt.stages.extract import ExtractConfig, extract, prepare
from headhunt.store import RowStatus, Store, VideoStatus, claim_shard
from tests.made_videos import write_video

SERVER = Path(__file__).with_name("kill_at_random.py")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    (folder / "sub").mkdir()
    write_video(folder / "a.mp4", 100)
    write_video(folder / "sub" / "b # 1.x264.mp4", 48)
    write_video(folder / "ü.mp4", 30)
    return folder


@pytest.fixture(scope="module")
def config(tiny: Path) -> ExtractConfig:
    return ExtractConfig(model=str(tiny), n_frames=4, batch_size=2, decoders=0)


@pytest.fixture(scope="module")
def done(videos: Path, config: ExtractConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "done.zarr"
    extract([videos], path, config)
    return path


def features(path: Path) -> dict[str, np.ndarray]:
    store = Store(path)
    return {name: array[...] for name, array in sorted(store.root["features"].arrays())}


def same(a: Path, b: Path) -> bool:
    one, two = features(a), features(b)
    return one.keys() == two.keys() and all(one[k].tobytes() == two[k].tobytes() for k in one)


def test_rows_are_segments_and_whole_videos(done: Path) -> None:
    store = Store(done)
    table, paths = store.segments(), store.videos().path
    assert paths == ("a.mp4", "sub/b # 1.x264.mp4", "ü.mp4")
    rows = [
        (paths[v], int(a), int(b), int(u))
        for v, a, b, u in zip(table.video, table.start_frame, table.end_frame, table.unit, strict=True)
    ]
    assert rows == [
        ("a.mp4", 0, 48, 0),
        ("a.mp4", 48, 96, 0),
        ("a.mp4", 96, 100, 0),
        ("a.mp4", 0, 100, 1),
        ("sub/b # 1.x264.mp4", 0, 48, 0),
        ("sub/b # 1.x264.mp4", 0, 48, 1),
        ("ü.mp4", 0, 30, 0),
        ("ü.mp4", 0, 30, 1),
    ]
    assert set(table.status) == {RowStatus.DONE}
    np.testing.assert_allclose(table.end_s, table.end_frame / 25)


def test_features_are_those_of_the_frames_computed_alone(done: Path, videos: Path, config: ExtractConfig) -> None:
    run = prepare(config)
    oracle = Extractor(run.backbone, run.extractor.questions, sharing="full")
    store = Store(done)
    table = store.segments()
    for i in (1, 2, 3, 7):
        path = videos / store.videos().path[table.video[i]]
        wanted = segments.sample_frames(Interval(int(table.start_frame[i]), int(table.end_frame[i])), 4)
        frames = video.read_frames(path, wanted)
        pixels = np.stack([run.backbone.preprocess.resize(f) for f in frames])[None]
        expected = oracle(pixels)
        for prompt in range(5):
            for layer in range(4):
                got = store.layer(table.row[i : i + 1], layer, prompt=store.prompts[prompt])[0]
                np.testing.assert_allclose(got, expected.heads[0, prompt, layer], rtol=2e-3, atol=1e-4)
            got = store.context(table.row[i : i + 1], prompt=store.prompts[prompt])[0]
            np.testing.assert_allclose(got, expected.context[0, prompt], rtol=2e-3, atol=1e-4)


def test_an_event_outside_its_video_is_refused_before_the_pass_and_one_past_the_end_is_told(
    videos: Path, config: ExtractConfig, tmp_path: Path
) -> None:
    rows = [
        ManifestRow("a.mp4", "train", "fire", (Interval(90, 103),), "fire"),
        ManifestRow("ü.mp4", "train", "fire", (Interval(30, 40),), "fire"),
    ]
    write_manifest(rows, tmp_path / "m.csv")
    config = replace(config, root=videos)
    with pytest.raises(ManifestError, match="begins at or past the end") as caught:
        extract([tmp_path / "m.csv"], tmp_path / "s", config)
    assert "ü.mp4 (30-40 of 30 frames)" in str(caught.value)
    assert len(Store(tmp_path / "s").segments()) == 0
    write_manifest(rows[:1], tmp_path / "m.csv")
    (tmp_path / "m.csv").write_text((tmp_path / "m.csv").read_text() + "a.mp4,Train,fire,90-103,\n")
    report = extract([tmp_path / "m.csv"], tmp_path / "s", config)
    assert report.rows_done == 4
    assert Store(tmp_path / "s").videos().events == ((Interval(90, 103),),)
    assert any("a.mp4 (90-103 of 100 frames)" in note for note in report.notes)
    assert any("a line repeats an earlier one" in note for note in report.notes)


def test_a_second_run_computes_nothing(done: Path, videos: Path, config: ExtractConfig, tmp_path: Path) -> None:
    copy = tmp_path / "copy.zarr"
    shutil.copytree(done, copy)
    report = extract([videos], copy, config)
    assert (report.rows_done, report.rows_kept, report.rows_failed, report.failed) == (0, 8, 0, [])
    assert same(done, copy)


def test_new_videos_are_added_to_a_store(done: Path, videos: Path, config: ExtractConfig, tmp_path: Path) -> None:
    store = tmp_path / "grown.zarr"
    first = extract([videos / "a.mp4"], store, config)
    second = extract([videos], store, config)
    assert (first.rows_done, second.rows_done, second.rows_kept) == (4, 4, 4)
    grown, whole = Store(store), Store(done)
    assert grown.segments().row.tolist() == [0, 1, 2, 3, 256, 257, 258, 259]
    np.testing.assert_allclose(
        grown.layer(grown.segments().row, 2, prompt="coarse"),
        whole.layer(whole.segments().row, 2, prompt="coarse"),
        atol=2e-3,
    )


def test_units_can_be_added_later(done: Path, videos: Path, config: ExtractConfig, tmp_path: Path) -> None:
    store = tmp_path / "units.zarr"
    extract([videos], store, replace(config, units="segment"))
    report = extract([videos], store, config)
    assert (report.rows_kept, report.rows_done) == (5, 3)
    assert Store(store).segments().unit.tolist() == [0] * 5 + [1] * 3


def test_test_videos_get_no_row_that_only_learning_needs(videos: Path, config: ExtractConfig, tmp_path: Path) -> None:
    manifest, store = tmp_path / "manifest.csv", tmp_path / "split.zarr"
    manifest.write_text("video,split,label,events\na.mp4,train,normal,\nü.mp4,test,normal,\n", encoding="utf-8")
    config = replace(config, root=videos)
    assert extract([manifest], store, config).rows_done == 4 + 1
    found = Store(store)
    assert [found.videos().path[v] for v in found.segments().of_unit("video").video] == ["a.mp4"]
    assert extract([manifest], store, replace(config, units="segment")).rows_done == 0
    assert extract([manifest], store, config).rows_done == 0
    # Asked for by name they are made.
    assert extract([manifest], store, replace(config, units="video")).rows_done == 1
    assert len(Store(store).segments().of_unit("video")) == 2


def test_interrupted_by_the_user_it_goes_on(done: Path, videos: Path, config: ExtractConfig, tmp_path: Path) -> None:
    store = tmp_path / "interrupted.zarr"

    def stop(what: str, count: int, _total: int) -> None:
        if what == "segments" and count >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract([videos], store, config, progress=stop)
    assert len(Store(store).segments().done()) == 4
    report = extract([videos], store, config)
    assert (report.rows_kept, report.rows_done) == (4, 4)
    assert same(done, store)


def test_killed_at_random_moments_it_resumes_byte_for_byte(tiny: Path, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    for name, frames in (("a", 480), ("b", 250), ("c", 700)):
        write_video(videos / f"{name}.mp4", frames)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, str(SERVER), str(videos), str(tiny)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, bufsize=1
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def run(store: Path, begin: str = "start", delay: float = -1) -> tuple[int, float]:
            server.stdin.write(f"{store} {begin} {delay}\n")
            status, worked = server.stdout.readline().split()
            return int(status), float(worked)

        whole = tmp_path / "whole.zarr"
        started = time.monotonic()
        status, working = run(whole)
        assert status == 0
        duration = time.monotonic() - started
        total = len(Store(whole).segments().done())
        generator = random.Random(0)
        partial = 0
        for k in range(30):
            if k >= 10 and partial >= 2:  # ten kills, and more until two have fallen into the middle of the work
                break
            store = tmp_path / f"killed-{k}.zarr"
            begin, longest = ("work", working) if k % 2 else ("start", duration)
            run(store, begin, generator.uniform(0.0, 0.9) * longest)
            before: dict[int, float] = {}
            if (store / "zarr.json").is_file():
                finished = Store(store).segments().done().row
                partial += 0 < len(finished) < total
                before = {int(r): _stamp(store, int(r)) for r in finished}
            assert run(store)[0] == 0
            assert same(whole, store), k
            kept = Store(store).segments()
            assert set(before) <= set(kept.done().row.tolist())
        server.stdin.close()
    assert partial >= 2


def _stamp(store: Path, row: int) -> float:
    return float(np.abs(Store(store).layer(np.array([row]), 0, prompt=Store(store).prompts[0])).sum())


def test_finished_rows_are_not_computed_again(
    done: Path, videos: Path, config: ExtractConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "half.zarr"
    seen: list[int] = []
    original = Passes._keep

    def counted(self, batch, out):
        seen.extend(row for row, _ in batch)
        counts = original(self, batch, out)
        if len(seen) == 4:
            self._writer.flush()
            raise KeyboardInterrupt
        return counts

    monkeypatch.setattr(Passes, "_keep", counted)
    with pytest.raises(KeyboardInterrupt):
        extract([videos], store, config)
    extract([videos], store, config)
    assert sorted(seen) == list(range(8))  # every row once, over both runs
    assert same(done, store)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"model": "other"}, "weights"),
        ({"dtype": "bfloat16"}, "dtype"),
        ({"attn": "eager"}, "attention"),
        ({"prompt_ids": ("p1", "coarse")}, "prompts"),
        ({"n_frames": 5}, "sampling"),
        ({"stride": 24}, "sampling"),
        ({"tail": "drop"}, "sampling"),
        ({"heads": (Head(0, 0),)}, "heads"),
        ({"method": "loop"}, "method"),
        ({"context": False}, "context"),
        ({"skip_still": 3.0}, "skip_still"),
    ],
)
def test_a_store_refuses_features_of_another_kind(
    done: Path, videos: Path, config: ExtractConfig, change: dict, key: str, tmp_path: Path
) -> None:
    if "model" in change:
        embedded.build(tmp_path, seed=1, layers=4, heads=8, hidden=64)
        change = {"model": str(tmp_path)}
    before = sorted((f, f.stat().st_mtime_ns) for f in done.rglob("*") if f.name != "plan")
    with pytest.raises(FingerprintError) as caught:
        extract([videos], done, replace(config, **change))
    assert f"    {key}: store " in str(caught.value)
    assert sorted((f, f.stat().st_mtime_ns) for f in done.rglob("*") if f.name != "plan") == before


@pytest.fixture
def bad(tmp_path: Path, videos: Path) -> Path:
    """A folder with one sound video among files of every kind that is none."""
    folder = tmp_path / "bad"
    folder.mkdir()
    shutil.copy(videos / "a.mp4", folder / "sound.mp4")
    write_video(folder / "whole.mp4", 200, container_options={"movflags": "faststart"})
    data = (folder / "whole.mp4").read_bytes()
    (folder / "cut short.mp4").write_bytes(data[: len(data) * 6 // 10])
    (folder / "whole.mp4").unlink()
    tail_index = (videos / "a.mp4").read_bytes()
    (folder / "no index.mp4").write_bytes(tail_index[: len(tail_index) // 2])
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("this is not a video\n" * 100)
    (folder / "folder.mp4").mkdir()
    with av.open(str(folder / "sound only.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    with av.open(str(folder / "no frames.mp4"), "w", format="mp4", options={"movflags": "empty_moov"}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    return folder


def test_bad_videos_are_recorded_and_the_rest_is_done(bad: Path, config: ExtractConfig, tmp_path: Path) -> None:
    report = extract([bad], tmp_path / "s.zarr", config)
    reasons = dict(report.failed)
    table = Store(tmp_path / "s.zarr").videos()
    status = dict(zip(table.path, table.status, strict=True))
    assert status["sound.mp4"] == VideoStatus.DONE
    assert status["cut short.mp4"] == VideoStatus.PARTIAL
    assert "declares 200 frames" in reasons["cut short.mp4"]
    failed = {"no index.mp4", "empty.mp4", "text.mp4", "folder.mp4", "sound only.mp4", "no frames.mp4"}
    assert {name for name, code in status.items() if code == VideoStatus.FAILED} == failed
    assert set(reasons) == failed | {"cut short.mp4"}
    assert all(reason and "\n" not in reason for reason in reasons.values())
    stored = features(tmp_path / "s.zarr")
    done = Store(tmp_path / "s.zarr").segments().done().row
    assert all(np.isfinite(array[done]).all() for array in stored.values())


def test_a_repaired_video_is_taken_at_the_next_run(
    bad: Path, videos: Path, config: ExtractConfig, tmp_path: Path
) -> None:
    extract([bad], tmp_path / "s.zarr", config)
    shutil.copy(videos / "ü.mp4", bad / "empty.mp4")
    report = extract([bad], tmp_path / "s.zarr", config)
    assert report.rows_done == 2
    assert "empty.mp4" not in dict(report.failed)


def test_a_video_that_changed_is_refused(videos: Path, config: ExtractConfig, tmp_path: Path) -> None:
    folder = tmp_path / "v"
    folder.mkdir()
    shutil.copy(videos / "a.mp4", folder / "a.mp4")
    extract([folder], tmp_path / "s.zarr", config)
    shutil.copy(videos / "ü.mp4", folder / "a.mp4")
    with pytest.raises(StaleError, match=r"1 videos changed"):
        extract([folder], tmp_path / "s.zarr", config)


def test_activations_that_float16_cannot_hold_fail_their_row_alone(
    videos: Path, config: ExtractConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Extractor.read

    def overflow(self, visual, grid):
        out = original(self, visual, grid)
        out.heads[0, 1, 2, 3, 4] = np.inf
        return out

    monkeypatch.setattr(Extractor, "read", overflow)
    report = extract([videos / "a.mp4"], tmp_path / "s.zarr", config)
    assert (report.rows_done, report.rows_failed) == (2, 2)
    assert "float16" in report.failed[0][1]
    assert Store(tmp_path / "s.zarr").videos().status.tolist() == [VideoStatus.PARTIAL]


def test_manifests_give_labels_and_only_their_videos(videos: Path, config: ExtractConfig, tmp_path: Path) -> None:
    rows = [
        ManifestRow("a.mp4", "train", "Fighting", (Interval(10, 60),), "Fighting"),
        ManifestRow("gone.mp4", "test", "normal", ()),
        ManifestRow("ü.mp4", "test", "normal", ()),
    ]
    path = tmp_path / "list.csv"
    write_manifest(rows, path)
    with pytest.raises(InputError, match="--root"):
        extract([path], tmp_path / "s.zarr", config)
    report = extract([path], tmp_path / "s.zarr", replace(config, root=videos))
    assert [name for name, _ in report.failed] == ["gone.mp4"]
    assert report.unlisted == ["sub/b # 1.x264.mp4"]
    table = Store(tmp_path / "s.zarr").videos()
    assert table.path == ("a.mp4", "gone.mp4", "ü.mp4")
    assert table.split == ("train", "test", "test")
    assert table.label == ("Fighting", "normal", "normal")
    assert table.events == ((Interval(10, 60),), (), ())
    report = extract([path], tmp_path / "t.zarr", replace(config, root=videos, split="train"))
    assert (report.videos, Store(tmp_path / "t.zarr").videos().path) == (1, ("a.mp4",))
    with pytest.raises(UsageError):
        extract([path], tmp_path / "u.zarr", replace(config, root=videos, split="other"))


def test_two_videos_with_one_id_are_refused(videos: Path, config: ExtractConfig, tmp_path: Path) -> None:
    shutil.copy(videos / "a.mp4", tmp_path / "a.mp4")
    with pytest.raises(InputError, match="two videos have the id"):
        extract([videos, tmp_path / "a.mp4"], tmp_path / "s.zarr", config)


def test_frame_folders_are_videos(config: ExtractConfig, tmp_path: Path) -> None:
    folder = tmp_path / "frames" / "clip"
    folder.mkdir(parents=True)
    for i in range(50):
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 4 * i, np.uint8), format="rgb24")
        with av.open(str(folder / f"{i}.png"), "w", format="image2") as container:
            stream = container.add_stream("png")
            stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
    report = extract([tmp_path / "frames"], tmp_path / "s.zarr", config)
    assert (report.rows_done, report.failed) == (3, [])
    assert Store(tmp_path / "s.zarr").videos().frames.tolist() == [50]


def test_shards_divide_the_work_and_together_give_the_same(
    videos: Path, config: ExtractConfig, done: Path, tmp_path: Path
) -> None:
    store = tmp_path / "s.zarr"
    extract([videos / "a.mp4"], store, replace(config, shard=(1, 2)))  # its only shard is number 0: not ours
    assert len(Store(store).segments().done()) == 0
    report = extract([videos / "a.mp4"], store, replace(config, shard=(0, 2)))
    assert report.rows_done == 4


def test_a_store_that_another_process_writes_is_refused(videos: Path, config: ExtractConfig, tmp_path: Path) -> None:
    store = tmp_path / "s.zarr"
    extract([videos / "a.mp4"], store, replace(config, shard=(1, 2)))
    with claim_shard(Store(store, writable=True), 0) as claimed:
        assert claimed
        with pytest.raises(StoreBusyError):
            extract([videos / "a.mp4"], store, config)
    assert extract([videos / "a.mp4"], store, config).rows_done == 4


def test_a_head_subset_reads_one_prompt_and_gives_the_same_vectors(
    done: Path, videos: Path, config: ExtractConfig, tmp_path: Path
) -> None:
    heads = (Head(2, 5), Head(0, 1))
    extract([videos], tmp_path / "lean.zarr", replace(config, heads=heads, units="segment"))
    lean, whole = Store(tmp_path / "lean.zarr"), Store(done)
    assert (lean.prompts, lean.has_context, lean.subset) == (("coarse",), False, heads)
    rows = whole.segments().of_unit("segment").row
    expected = whole.heads(rows, heads, prompt="coarse")
    np.testing.assert_allclose(lean.heads(lean.segments().row, heads, prompt="coarse"), expected, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"units": "frames"},
        {"tail": "cut"},
        {"method": "fast"},
        {"length": 0},
        {"batch_size": 0},
        {"batch_size": "all"},
        {"decoders": -1},
        {"decode_timeout_s": 0.0},
        {"shard": (2, 2)},
        {"fraction": 0.0},
        {"skip_still": -1.0},
        {"skip_still": float("nan")},
    ],
)
def test_options_that_make_no_sense_are_refused(change: dict) -> None:
    with pytest.raises(UsageError):
        ExtractConfig(**change)


@pytest.mark.parametrize("where", ["nowhere", "folder without videos"])
def test_no_videos_is_an_error(config: ExtractConfig, tmp_path: Path, where: str) -> None:
    if where != "nowhere":
        (tmp_path / where).mkdir()
    with pytest.raises(InputError):
        extract([tmp_path / where], tmp_path / "s.zarr", config)
    assert not (tmp_path / "s.zarr").exists()


def test_a_model_that_cannot_be_had_is_told_before_anything_is_written(videos: Path, tmp_path: Path) -> None:
    from headhunt.errors import ModelError

    for name in ("nowhere", "owner/name", str(tmp_path)):
        with pytest.raises(ModelError):
            extract([videos], tmp_path / "s.zarr", ExtractConfig(model=name, offline=True))
    assert not (tmp_path / "s.zarr").exists()
    assert models.resolve("InternVL3-1B") == "OpenGVLab/InternVL3-1B-hf"


def test_a_name_that_is_not_utf8_is_kept_apart_and_opened(videos: Path, config: ExtractConfig, tmp_path: Path) -> None:
    folder = tmp_path / "v"
    folder.mkdir()
    shutil.copy(videos / "ü.mp4", os.fsdecode(os.fsencode(folder) + b"/caf\xe9.mp4"))
    report = extract([folder], tmp_path / "s.zarr", config)
    assert (report.rows_done, report.failed) == (2, [])
    assert Store(tmp_path / "s.zarr").videos().path == ("caf\\xe9.mp4",)


def test_a_lean_pass_of_another_kind_is_refused_before_it_runs(
    done: Path, videos: Path, config: ExtractConfig, tmp_path: Path
) -> None:
    lean = replace(config, heads=(Head(1, 1),), like=done)
    assert extract([videos / "ü.mp4"], tmp_path / "lean.zarr", lean).rows_done == 2
    for change in ({"dtype": "bfloat16"}, {"n_frames": 5}):
        with pytest.raises(FingerprintError, match="fitted on"):
            extract([videos], tmp_path / "other.zarr", replace(lean, **change))
    assert not (tmp_path / "other.zarr").exists()


def test_heads_of_a_file_that_were_found_in_another_model_are_refused_before_anything_is_decoded(
    done: Path, videos: Path, config: ExtractConfig, tmp_path: Path
) -> None:
    store = Store(done)
    mine = {"weights": store.fingerprint.weights, "spec": asdict(store.spec)}
    file = tmp_path / "heads.json"
    for change, word in (({}, None), ({"weights": "sha256:another"}, "weights"), ({"spec": {"layers": 99}}, "spec")):
        write_file(HeadSet((Head(1, 1),), (1.0,), "rss", mine | change), file)
        lean = replace(config, heads=str(file))
        if word is None:
            assert extract([videos / "ü.mp4"], tmp_path / "lean.zarr", lean).rows_done > 0
            continue
        with pytest.raises(FingerprintError, match=rf"found in another model than is loaded[\s\S]*{word}: found in"):
            extract([videos], tmp_path / "other.zarr", lean)
        assert not (tmp_path / "other.zarr").exists()


def test_videos_beside_the_manifest_of_a_folder_are_told_too(
    videos: Path, config: ExtractConfig, tmp_path: Path
) -> None:
    folder = tmp_path / "v"
    shutil.copytree(videos, folder)
    write_manifest([ManifestRow("ü.mp4", "test", "normal", ())], folder / "manifest.csv")
    report = extract([folder], tmp_path / "s.zarr", config)
    assert (report.videos, report.unlisted) == (1, ["a.mp4", "sub/b # 1.x264.mp4"])
