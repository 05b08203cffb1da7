"""Decode a file once, or its first frame, to learn what only the decoder knows of its packets."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.video.frame import PictureType, VideoFrame

from headhunt.arrays import Bool, Float64, Int64
from headhunt.errors import VideoError
from headhunt.video import orientation
from headhunt.video.decode import decode
from headhunt.video.info import counted
from headhunt.video.orientation import Orientation

_REPORT_EVERY = 10  # frames
_PATIENCE = 1000  # frames, none of them whole


@dataclass(frozen=True, eq=False)
class Trial:
    """What came of decoding.

    Attributes:
        first: The first frame that is whole.
        start: The place of its packet.
        ranks: float64 (m,), the order in which packets are shown, as far as was decoded; one that gave no frame is
            ranked behind the one stored before it.
        gave: bool (m,), packets that gave a frame.
        refused: bool (m,), packets that the decoder refused.
        told: Place -> the orientation that its frame carries, for frames that carry one.
    """

    first: VideoFrame
    start: int
    ranks: Float64
    gave: Bool
    refused: Bool
    told: dict[int, Orientation]

    def turns(self, places: Int64) -> Int64:
        """Codes of orientations of frames (n,) by their packets, in presentation order; each holds until the next."""
        codes, now = np.zeros(len(places), dtype=np.int64), 0
        for i, place in enumerate(places.tolist()):
            now = self.told[place].code if place in self.told else now
            codes[i] = now
        return codes


def try_out(
    path: Path, positions: Sequence[int], *, whole: bool, fresh: bool, knows_start: bool, alive: Callable[[], object]
) -> Trial:
    """Decode up to the first frame that is whole, or everything.

    Args:
        path: The file.
        positions: Where its packets lie, in stored order.
        whole: Whether to decode everything.
        fresh: Whether the first frame is whole unless it is damaged.
        knows_start: Whether the decoder itself drops frames that lean on what came before the file.
        alive: Called from time to time.

    Raises:
        VideoError: No frame can be decoded.
    """
    n = len(positions)
    output: list[int] = []
    refused = np.zeros(n, dtype=np.bool_)
    told: dict[int, Orientation] = {}
    best: tuple[int, VideoFrame] | None = None
    any_frame: tuple[int, VideoFrame] | None = None
    with closing(decode(path, counted(n, positions), [(0, n - 1)])) as frames:
        for count, (_, place, frame) in enumerate(frames):
            if count % _REPORT_EVERY == 0:
                alive()
            if frame is None:
                refused[place] = True
                continue
            output.append(place)
            any_frame = any_frame or (place, frame)
            whole_one = not frame.is_corrupt and (knows_start or frame.pict_type == PictureType.I)
            if best is None and (fresh or whole_one):
                best = place, frame
            if (carried := orientation.told(frame)) is not None:
                told[place] = carried
            if not whole and (best is not None or count > _PATIENCE):
                break
    if any_frame is None:
        raise VideoError(f"no frame of {path} can be decoded", got=f"{n} packets", hint="copy or download it again")
    start, first = best or any_frame
    ranks = np.full(n, np.nan)
    ranks[output[::-1]] = np.arange(len(output), dtype=np.float64)[::-1]
    gave = ~np.isnan(ranks)
    behind = -0.5
    for place, rank in enumerate(ranks.tolist()):
        ranks[place] = behind if math.isnan(rank) else rank
        behind = math.floor(ranks[place]) + 0.5
    return Trial(first, start, ranks, gave, refused, told)
