"""CUHK Avenue (Lu et al., ICCV 2013): 16 normal training videos, 21 test videos with a mask a frame; it opens no video.

Videos lie in `training_videos` and `testing_videos` ("training", "test" and the like will do) and are called by their
number, `01.avi`, or a folder of frames `01`. Labels of test video 1 are the variable `volLabel` of `1_label.mat` in the
data set's `testing_label_mask`, a mask a frame.
"""

from __future__ import annotations

import re
from pathlib import Path

from headhunt.datasets import frame_labels, one_class
from headhunt.datasets.frame_labels import FrameLabels
from headhunt.datasets.reading import Reading, find_files, look, stem
from headhunt.errors import ManifestError

VARIABLE = "volLabel"
_DEMO = "ground_truth_demo"  # the masks' archive, which has the test videos a second time


def avenue(root: Path, *, annotations: Path | None = None) -> Reading:
    """Read CUHK Avenue.

    Args:
        root: Folder of the videos; ids are relative to it.
        annotations: Folder that holds the files `1_label.mat`; looked for under the root when None.

    Returns:
        Training videos as normal; test videos with the runs of frames whose mask is not empty.

    Raises:
        ManifestError: There is no label or no video, or one of a number stands twice; or a file is malformed.
    """
    videos, passed_over = look(root, frame_folders=True)
    labels: dict[str, FrameLabels] = {}
    place = root if annotations is None else annotations
    for path in find_files(r"(?:.*/)?[0-9]{1,4}_label\.mat", place):
        number = _number(path.name.partition("_")[0])
        if number in labels:
            raise ManifestError(f"two label files of test video {number}", got=path, hint="say with annotations which")
        labels[number] = frame_labels.of_mat(path, VARIABLE)
    if not labels:
        raise ManifestError(
            f"no label of Avenue under {place}",
            expected="testing_label_mask/1_label.mat",
            hint="download the ground truth from the data set's page and name its folder",
        )
    return one_class.read(
        videos, labels, part=lambda video: one_class.part_of(video, root), key=_key, notes=passed_over
    )


def _key(video: str) -> str:
    name = stem(video)
    return _number(name) if re.fullmatch("[0-9]{1,4}", name) and _DEMO not in video.split("/") else ""


def _number(digits: str) -> str:
    return f"{int(digits):02d}"
