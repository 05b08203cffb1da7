from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headhunt.datasets.shanghaitech import shanghaitech
from headhunt.errors import ManifestError
from headhunt.records import Interval, ManifestRow
from tests import made_labels


def data(root: Path) -> Path:
    """A training video, two test videos as folders of frames, their labels."""
    (root / "training/videos").mkdir(parents=True)
    (root / "training/videos/01_001.avi").touch()
    for name in ("01_0014", "12_0142"):
        made_labels.frame_folder(root / f"testing/frames/{name}", 4, ".jpg")
    save(root / "testing/test_frame_mask/01_0014.npy", [0, 1, 1, 0])
    save(root / "testing/test_frame_mask/12_0142.npy", [0, 0, 0, 0])
    return root


def save(path: Path, labels: list) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, np.array(labels, np.uint8))


def test_folders_and_frame_masks_make_the_rows(tmp_path: Path) -> None:
    root = data(tmp_path)
    save(root / "testing/test_frame_mask/02_0001.npy", [1])
    save(root / "features/01_0014.npy", [1, 1, 1, 1])  # of somebody's own
    reading = shanghaitech(root)
    assert reading.rows == (
        ManifestRow("testing/frames/01_0014", "test", "abnormal", (Interval(1, 3),)),
        ManifestRow("testing/frames/12_0142", "test", "normal", ()),
        ManifestRow("training/videos/01_001.avi", "train", "normal", ()),
    )
    assert reading.unmatched_rows == (ManifestRow("02_0001", "test", "abnormal", (Interval(0, 1),)),)
    assert reading.unmatched_videos == ()
    assert reading.frames == {"testing/frames/01_0014": 4, "testing/frames/12_0142": 4}


def test_pixel_masks_are_read_where_there_is_nothing_else(tmp_path: Path) -> None:
    root = data(tmp_path)
    masks = [made_labels.mask(label) for label in (1, 0, 0, 0)]
    save(root / "testing/test_pixel_mask/01_0014.npy", masks)
    assert shanghaitech(root).rows[0].events == (Interval(1, 3),)
    for path in (root / "testing/test_frame_mask").iterdir():
        path.unlink()
    reading = shanghaitech(root)
    assert reading.rows[0].events == (Interval(0, 1),)
    assert reading.unmatched_videos == ("testing/frames/12_0142",)


@pytest.mark.parametrize("place", ["testing", "testing/test_frame_mask"])
def test_annotations_are_the_folder_of_the_files_or_one_above(tmp_path: Path, place: str) -> None:
    root = data(tmp_path)
    assert len(shanghaitech(root, annotations=root / place).rows) == 3


def test_no_labels_and_labels_that_stand_twice_are_refused(tmp_path: Path) -> None:
    root = data(tmp_path)
    with pytest.raises(ManifestError, match="no label of ShanghaiTech"):
        shanghaitech(root, annotations=root / "training")
    save(root / "copy/test_frame_mask/01_0014.npy", [0])
    with pytest.raises(ManifestError, match="stand twice"):
        shanghaitech(root)
