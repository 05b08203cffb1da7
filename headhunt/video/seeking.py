"""Decode some frames of a video and as little else as possible."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import cast

import numpy as np
from av.video.frame import PictureType, VideoFrame

from headhunt.errors import VideoError
from headhunt.video.decode import decode, first_frame
from headhunt.video.files import file_size, images_of
from headhunt.video.info import Packets, VideoInfo

_MAX_REORDER = 32  # frames; no codec holds a frame back longer (H.264 and HEVC: 16)
_MIN_JUMP = 64  # packets; decoding fewer costs less than it could save


def wanted_frames(
    path: Path, info: VideoInfo, wanted: list[int]
) -> Generator[tuple[int, VideoFrame | None], None, None]:
    """Each wanted frame once, or None for it as soon as it is sure that it cannot be decoded."""
    if not wanted:
        return
    if info.packets is None:
        images = images_of(path)
        if len(images) != info.n_frames:
            raise VideoError(
                f"{path} changed", got=f"{len(images)} images", expected=info.n_frames, hint="probe it again"
            )
        for number in wanted:
            yield number, first_frame(images[number])
        return
    if file_size(path) != info.size_bytes:
        raise VideoError(f"{path} changed", got=f"not {info.size_bytes} bytes any more", hint="probe it again")
    lost = set(info.packets.lost.tolist())
    for number in wanted:
        if number in lost:
            yield number, None
    waiting = dict.fromkeys(number for number in wanted if number not in lost)
    for jump in (True, False) if waiting else ():
        runs, starts, firsts = _runs(info, list(waiting), jump=jump)
        begun, trusted = -1, True
        with closing(decode(path, info.packets, runs)) as frames:
            for run, number, frame in frames:
                if frame is None or number < starts[run]:
                    continue  # cannot be decoded, or leans on frames that were jumped over
                overdue = list(itertools.takewhile(functools.partial(operator.gt, number - _MAX_REORDER), waiting))
                # One cannot start at a key frame that leans on others (intra refresh) or does not come.
                key_came = number == starts[run] and frame.pict_type == PictureType.I
                trusted = (run == begun or starts[run] < 0 or key_came) and firsts.isdisjoint(overdue)
                if not trusted:
                    break
                begun = run
                for late in overdue:
                    del waiting[late]
                    yield late, None
                if number in waiting and not frame.is_corrupt:
                    del waiting[number]
                    yield number, frame
        if trusted and firsts.isdisjoint(waiting):
            break
    for number in waiting:
        yield number, None


def _runs(info: VideoInfo, wanted: list[int], *, jump: bool) -> tuple[list[tuple[int, int]], list[int], set[int]]:
    """Which packets to decode for some frames.

    Returns:
        The runs (first, last place in stored order); the number of the key frame each starts with, -1 for a run from
        the first packet on; the first wanted frame of each of the other runs.
    """
    packets = cast(Packets, info.packets)
    shown = np.flatnonzero(packets.numbers >= 0)
    # What shows no frame of its own may belong to the one before it (a second field), or behind it (parameter sets).
    # With the packet behind it, a decoder that was given one that is not coded still gives the frame its own number.
    begin, end = np.zeros((2, info.n_frames), dtype=np.int64)
    begin[packets.numbers[shown]] = np.append(0, shown[:-1] + 1)
    following = np.append(shown[1:], len(packets.numbers) - 1)
    last = np.where(following == shown + 1, shown, following)
    last[-1] = following[-1]
    end[packets.numbers[shown]] = last
    last = end[wanted]
    if not jump:
        return [(0, min(int(last.max()) + _MAX_REORDER, len(packets.numbers) - 1))], [-1], set()
    keys = np.flatnonzero(info.keyframes)
    before = np.searchsorted(keys, wanted, side="right") - 1
    key = np.where(before >= 0, keys[before], -1) if len(keys) else np.full(len(wanted), -1)
    first = np.minimum(np.where(key >= 0, begin[key], 0), last)
    runs: list[tuple[int, int]] = []
    starts: list[int] = []
    firsts: set[int] = set()
    needs = zip(first.tolist(), last.tolist(), key.tolist(), wanted, strict=True)
    for start, stop, key_number, number in sorted(needs):
        if runs and start <= runs[-1][1] + _MIN_JUMP:
            runs[-1] = (runs[-1][0], max(stop, runs[-1][1]))
        elif start <= _MIN_JUMP:
            runs.append((0, stop))
            starts.append(-1)
        else:
            runs.append((start, stop))
            starts.append(key_number)
            firsts.add(number)
    return runs, starts, firsts
