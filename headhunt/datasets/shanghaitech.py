"""ShanghaiTech Campus (Luo et al., ICCV 2017): 330 normal training videos, 107 test videos labelled frame by frame.

Videos are called by camera and number, `training/videos/01_001.avi` and folders of frames `testing/frames/01_0014`.
Labels of a test video are `test_frame_mask/01_0014.npy`, a value a frame; where only `test_pixel_mask` is there, its
masks. Opens no video. This is the data set's own split, whose training part has no abnormal video; to calibrate on
abnormal ones, change the column `split` of the manifest.
"""

from __future__ import annotations

import re
from pathlib import Path

from headhunt.datasets import frame_labels, one_class
from headhunt.datasets.reading import Reading, find_files, look, stem
from headhunt.errors import ManifestError

MASKS = ("test_frame_mask", "test_pixel_mask")
_NAME = "[0-9]{2}_[0-9]{3,4}"


def shanghaitech(root: Path, *, annotations: Path | None = None) -> Reading:
    """Read ShanghaiTech Campus.

    Args:
        root: Folder of the videos; ids are relative to it.
        annotations: Folder of the `.npy` files, or one above `test_frame_mask`; looked for under the root when None.

    Returns:
        Training videos as normal; test videos with the runs of frames that are not 0.

    Raises:
        ManifestError: There is no label or no video, or one of a name stands twice; or a file is malformed.
    """
    videos, passed_over = look(root, frame_folders=True)
    place = root if annotations is None else annotations
    own = [] if annotations is None else find_files(rf"{_NAME}\.npy", annotations)
    files = own or next(filter(None, (find_files(rf"(?:.*/)?{mask}/{_NAME}\.npy", place) for mask in MASKS)), [])
    if not files:
        raise ManifestError(
            f"no label of ShanghaiTech under {place}",
            expected=f"{MASKS[0]}/01_0014.npy",
            hint="they come with the data set: name their folder",
        )
    labels = {path.stem: frame_labels.of_npy(path) for path in files}
    if len(labels) != len(files):
        raise ManifestError("label files stand twice", got=f"{len(files)} files of {len(labels)} videos under {place}")
    notes = (f"labels of {len(labels)} test videos from {files[0].parent}", *passed_over)
    return one_class.read(videos, labels, part=lambda video: one_class.part_of(video, root), key=_key, notes=notes)


def _key(video: str) -> str:
    name = stem(video)
    return name if re.fullmatch(_NAME, name) else ""
