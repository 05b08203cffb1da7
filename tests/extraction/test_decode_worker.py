"""Only frames of the file that was planned are decoded, and the nearest frames stand in for a few that cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headhunt.errors import LostFramesError, VideoError
from headhunt.extraction.decode_worker import decode, stand_ins
from headhunt.models.preprocess import Preprocess
from headhunt.video import Identity, identify
from tests.made_videos import read_number, write_video

PIXELS = Preprocess(48, 64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic")


def numbers_of(path: Path, groups: list[list[int]], n: int, **options: object) -> list[list[int | None]]:
    decoded = {group: frames for group, frames, _ in decode(path, groups, n, PIXELS, **options)}
    return [[read_number(frame.transpose(1, 2, 0)) for frame in decoded[i]] for i in range(len(groups))]


def test_a_file_that_grew_gives_the_frames_that_were_planned(tmp_path: Path) -> None:
    parts = [
        write_video(tmp_path / f"{i}.mjpg", 20, first_number=i, codec="mjpeg", pix_fmt="yuvj420p") for i in (0, 20)
    ]
    then = identify(parts[0])
    parts[0].write_bytes(parts[0].read_bytes() + parts[1].read_bytes())
    assert numbers_of(parts[0], [[0, 19]], 20, file=then) == [[0, 19]]
    with pytest.raises(VideoError, match="changed"):
        numbers_of(parts[0], [[0, 19]], 20)
    with pytest.raises(VideoError, match="changed"):  # without a digest only its size is known
        numbers_of(parts[0], [[0, 19]], 20, file=Identity(then.bytes))


def test_another_file_with_as_many_frames_gives_none(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 20)
    then = identify(path)
    write_video(path, 20, first_number=100)
    with pytest.raises(VideoError, match="changed since it was planned"):
        numbers_of(path, [[0, 19]], 20, file=then)


@pytest.mark.parametrize(
    ("numbers", "lost", "missing", "shown"),
    [
        ([0, 3, 6, 9], [], 0, [0, 1, 2, 3]),
        ([0, 3, 6, 9], [1], 1, [0, 0, 2, 3]),  # the earlier of two that are equally near
        ([0, 3, 5, 9], [1], 1, [0, 2, 2, 3]),
        ([0, 3, 6, 9], [0, 1, 2], 3, [3, 3, 3, 3]),
        ([0, 3, 6, 9], [0, 1], 1, None),
        ([0, 3, 6, 9], [0, 1, 2, 3], 4, None),
        ([4, 4, 5, 5], [0, 1], 2, [2, 2, 2, 2]),  # both places of a frame that is shown twice count
        ([4, 4, 5, 5], [0, 1], 1, None),
    ],
)
def test_the_nearest_frame_stands_in(
    numbers: list[int], lost: list[int], missing: int, shown: list[int] | None
) -> None:
    frames = [None if place in lost else np.zeros(1) for place in range(4)]
    places = stand_ins(LostFramesError("", frames=frames), np.array(numbers), missing)
    found = None if places is None else [numbers[place] for place in places]
    assert found == (None if shown is None else [numbers[place] for place in shown])
