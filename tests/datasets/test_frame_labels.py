from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from headhunt.datasets.frame_labels import FrameLabels, of_masks, of_mat, of_npy
from headhunt.errors import ManifestError
from headhunt.records import Interval
from tests import made_labels


@pytest.mark.parametrize(
    ("labels", "events"),
    [
        ([], ()),
        ([0], ()),
        ([1], ((0, 1),)),
        ([0, 1, 1, 0, 1], ((1, 3), (4, 5))),
        ([1, 1, 1], ((0, 3),)),
        ([1, 0, 1], ((0, 1), (2, 3))),
    ],
)
def test_events_are_runs_of_abnormal_frames(labels: list[int], events: tuple[tuple[int, int], ...]) -> None:
    found = FrameLabels.of(np.array(labels, np.bool_))
    assert found == FrameLabels(tuple(Interval(*pair) for pair in events), len(labels))


def test_random_labels_come_back() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 50):
        labels = rng.random(n) < 0.5
        again = np.zeros(n, np.bool_)
        for event in FrameLabels.of(labels).events:
            again[event.start_frame : event.end_frame] = True
        assert np.array_equal(again, labels)


WANTED = FrameLabels((Interval(1, 3),), 4)


@pytest.mark.parametrize(
    ("suffix", "write"),
    [
        (".bmp", made_labels.bitmap),
        (".bmp", lambda pixels: made_labels.picture(pixels, "bmp")),
        (".png", lambda pixels: made_labels.picture(pixels, "png")),
        (".png", lambda pixels: made_labels.picture(pixels, "png", "rgb24")),
        (".png", lambda pixels: made_labels.picture(pixels.astype(np.uint16), "png", "gray16be")),
        (".TIF", lambda pixels: made_labels.picture(pixels, "tiff")),
    ],
)
@pytest.mark.parametrize("value", [1, 255])
def test_a_frame_is_abnormal_where_its_mask_has_any_pixel(tmp_path: Path, suffix: str, write, value: int) -> None:
    for number, label in enumerate([0, value, value, 0], start=8):  # 8 to 11: in the order of numbers, not of text
        (tmp_path / f"{number}{suffix}").write_bytes(write(made_labels.mask(label)))
    (tmp_path / "._8.bmp").write_bytes(b"what a system keeps")
    assert of_masks(tmp_path) == WANTED


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("002.bmp", made_labels.bitmap(made_labels.mask(1))[:-4]),
        ("002.png", made_labels.picture(made_labels.mask(1), "png")[:-20]),
        ("002.png", b""),
        ("002.tif", b"no picture"),
    ],
)
def test_a_damaged_mask_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    made_labels.mask_folder(tmp_path, [0])
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ManifestError, match=f"the mask .*{name} cannot be read"):
        of_masks(tmp_path)


def test_missing_repeated_and_lossy_masks_are_refused(tmp_path: Path) -> None:
    folder = made_labels.mask_folder(tmp_path / "a", [0, 1, 0])
    (folder / "002.bmp").rename(folder / "004.bmp")
    with pytest.raises(ManifestError, match="missing or repeated") as caught:
        of_masks(folder)
    assert "001.bmp, then 003.bmp" in str(caught.value)
    (folder / "1.png").write_bytes(b"")
    with pytest.raises(ManifestError, match="missing or repeated"):
        of_masks(folder)
    with pytest.raises(ManifestError, match="no mask in") as caught:
        of_masks(made_labels.frame_folder(tmp_path / "b", 2, ".jpg"))
    assert ".jpg" in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        np.array([0, 1, 1, 0], np.uint8),
        np.array([False, True, True, False]),
        np.array([[0.0, 2.0, 1.0, 0.0]]),
        np.array([[0], [-1], [1], [0]]),
        np.stack([made_labels.mask(label) for label in (0, 1, 255, 0)]),
    ],
)
def test_arrays_of_labels_and_of_masks_are_read(tmp_path: Path, values: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", values)
    assert of_npy(tmp_path / "a.npy") == WANTED


def test_masks_of_a_long_video_are_read_in_blocks(tmp_path: Path) -> None:
    values = np.zeros((150, 3, 2), np.uint8)
    values[63:129, 2, 1] = 9
    np.save(tmp_path / "a.npy", values)
    assert of_npy(tmp_path / "a.npy") == FrameLabels((Interval(63, 129),), 150)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((3, 4)), "no label for each frame"),
        (np.zeros(0), "no label for each frame"),
        (np.zeros((2, 2, 2, 2)), "no label for each frame"),
        (np.array([0.0, np.nan]), "not numbers"),
        (np.array(["0", "1"]), "no numbers"),
    ],
)
def test_an_array_that_is_no_label_a_frame_is_refused(tmp_path: Path, values: np.ndarray, words: str) -> None:
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(ManifestError, match=words):
        of_npy(tmp_path / "a.npy")


def test_pickled_cut_and_other_files_are_refused(tmp_path: Path) -> None:
    objects, path = np.array([1, "a"], object), tmp_path / "a.npy"
    np.save(path, objects, allow_pickle=True)
    with pytest.raises(ManifestError, match="could run code"):
        of_npy(path)
    np.save(path, np.arange(100))
    whole = path.read_bytes()
    for content in (whole[:-8], whole[:20], b"", pickle.dumps([1]), b"text"):
        path.write_bytes(content)
        with pytest.raises(ManifestError, match="cannot be read"):
            of_npy(path)
    for shape in (b"(100,", b"(10,", b"10**9,", b"(-10,"):
        path.write_bytes(whole.replace(b"(100,)", shape.ljust(6)))
        with pytest.raises(ManifestError, match="cannot be read"):
            of_npy(path)
    np.savez(tmp_path / "b.npz", np.arange(3))
    with pytest.raises(ManifestError, match="an archive"):
        of_npy(tmp_path / "b.npz")
    with pytest.raises(ManifestError, match="cannot be read"):
        of_npy(tmp_path / "none.npy")


@pytest.mark.parametrize(
    "values",
    [
        np.stack([made_labels.mask(label) for label in (0, 1, 255, 0)], axis=-1),
        np.array([0, 1, 1, 0]),
        np.array([[0], [1], [1], [0]]),
    ],
)
def test_matlab_arrays_have_the_frame_last(tmp_path: Path, values: np.ndarray) -> None:
    savemat(tmp_path / "a.mat", {"gt": values})
    assert of_mat(tmp_path / "a.mat", "gt") == WANTED


def test_a_matlab_cell_has_a_mask_a_frame(tmp_path: Path) -> None:
    assert of_mat(made_labels.cell_file(tmp_path / "a.mat", [0, 1, 255, 0]), "volLabel") == WANTED


def test_matlab_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    path = made_labels.cell_file(tmp_path / "a.mat", [0, 1], name="other")
    with pytest.raises(ManifestError, match="no variable volLabel") as caught:
        of_mat(path, "volLabel")
    assert "other" in str(caught.value)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"text" * 100):
        path.write_bytes(content)
        with pytest.raises(ManifestError, match="cannot be read"):
            of_mat(path, "other")
    with pytest.raises(ManifestError, match="cannot be read"):
        of_mat(tmp_path / "none.mat", "volLabel")


def test_a_matlab_file_of_version_7_3_is_refused_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    (tmp_path / "a.mat").write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(ManifestError, match=r"version 7\.3") as caught:
        of_mat(tmp_path / "a.mat", "volLabel")
    assert "h5py" in str(caught.value)


def test_a_matlab_file_of_version_7_3_is_read_with_h5py(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        cells = file.create_group("#refs#")
        masks = [cells.create_dataset(str(i), data=made_labels.mask(label).T) for i, label in enumerate((0, 1, 255))]
        empty = cells.create_dataset("empty", data=np.array([6, 10], np.uint64))
        empty.attrs["MATLAB_empty"] = 1
        references = np.array([[one.ref] for one in (*masks, empty)], h5py.ref_dtype)
        file.create_dataset("volLabel", data=references)
        file.create_dataset("gt", data=np.stack([made_labels.mask(label).T for label in (0, 1, 255, 0)]))
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512))
    assert of_mat(path, "volLabel") == of_mat(path, "gt") == WANTED
    with pytest.raises(ManifestError, match="no variable nothing"):
        of_mat(path, "nothing")
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(ManifestError, match="cannot be read"):
        of_mat(path, "gt")
