"""The size that frames are resized to where a model takes any: within bounds, in whole tokens, of their shape."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headhunt.errors import VideoError
from headhunt.models.sizes import fit, fit_video
from tests.soak import drawn

BOUNDS = {"factor": 28, "least": 4 * 28 * 28, "most": 768 * 28 * 28}


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((240, 320), (252, 308)),  # rounded to whole tokens
        ((1080, 1920), (560, 1008)),  # shrunk into the upper bound
        ((2160, 3840), (560, 1008)),
        ((20, 30), (56, 84)),  # enlarged to the lower bound
        ((28, 112), (28, 112)),
        ((28, 28), (56, 56)),
        ((1, 200), (28, 812)),
    ],
)
def test_sizes(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fit(*size, **BOUNDS) == expected


@pytest.mark.parametrize(
    ("video", "expected"),
    [
        ((16, 240, 320), (192, 256)),  # all frames together are within the bounds
        ((16, 1080, 1920), (160, 288)),
        ((5, 20, 30), (160, 224)),
        ((2, 480, 640), (480, 640)),
        ((1, 480, 640), (480, 640)),  # one frame is shown twice
    ],
)
def test_sizes_of_videos(video: tuple[int, int, int], expected: tuple[int, int]) -> None:
    assert fit_video(*video, factor=32, least=128 * 32 * 32, most=768 * 32 * 32) == expected


@pytest.mark.parametrize("size", [(1, 201), (4020, 20)])
def test_frames_too_narrow_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(VideoError, match="too narrow"):
        fit(*size, **BOUNDS)


@drawn()
@given(height=st.integers(1, 5000), width=st.integers(1, 5000))
def test_any_size_is_in_whole_tokens_within_the_bounds(height: int, width: int) -> None:
    if max(height, width) > 200 * min(height, width):
        return
    tall, wide = fit(height, width, **BOUNDS)
    assert tall % 28 == wide % 28 == 0
    assert BOUNDS["least"] <= tall * wide
    assert tall * wide <= BOUNDS["most"] or 28 in (tall, wide)
