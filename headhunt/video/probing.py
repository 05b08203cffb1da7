"""Probe a video: read all its packets once and number the frames that they show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, cast

import av
import numpy as np
from av.codec.codec import Properties
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from headhunt.arrays import Float64
from headhunt.errors import InputError, VideoError
from headhunt.finding import is_folder
from headhunt.video.decode import decode, first_frame, open_video, quarter_turns, read_packets
from headhunt.video.files import file_size, images_of
from headhunt.video.info import FOLDER_FPS, Packets, VideoInfo, counted
from headhunt.video.times import is_even, numbered_surely, presentation_times

_REORDER = cast(int, Properties.REORDER.value)  # a codec that may show frames in another order than it stores them
_UNTIMED_FORMATS = frozenset(("avi", "h264", "hevc", "m4v", "mpeg", "mpegvideo", "obu", "vc1"))


def probe(path: Path | str, *, folder_fps: float | None = None) -> VideoInfo:
    """Read what a video holds: its packets (not its pixels) once, and one frame for size and rotation.

    Args:
        path: A video file, or a folder of images in natural order of their names.
        folder_fps: Frames per second of a folder of images, which does not tell; None takes 25 and says so in
            `warnings`.

    Raises:
        VideoError: Missing, empty, not a video, without a decodable frame, or not readable; says which.
        InputError: `folder_fps` is not a positive number.
    """
    path = Path(path)
    if folder_fps is not None and not (math.isfinite(folder_fps) and folder_fps > 0):
        raise InputError("a frame rate must be positive", got=folder_fps, expected="> 0")
    return _probe_folder(path, folder_fps) if is_folder(path) else _probe_file(path)


class Row(NamedTuple):
    """One packet as read."""

    pts: int | None
    dts: int | None
    position: int
    key: bool
    corrupt: bool
    shows: bool
    duration: int | None


def _probe_folder(path: Path, fps: float | None) -> VideoInfo:
    images = images_of(path)
    found = next(((image, frame) for image in images if (frame := first_frame(image)) is not None), None)
    if found is None:
        raise VideoError(f"no image of {path} can be decoded", got=f"{len(images)} images", hint="copy it again")
    image, frame = found
    width, height = _size(frame)
    warnings = () if fps is not None else (f"a folder of frames tells no frame rate: {FOLDER_FPS:g} fps assumed",)
    fps = FOLDER_FPS if fps is None else fps
    n = len(images)
    return VideoInfo(
        path=path,
        n_frames=n,
        fps=fps,
        duration_s=n / fps,
        width=width,
        height=height,
        rotation=90 * quarter_turns(frame),
        variable_frame_rate=False,
        times_s=np.arange(n) / fps,
        keyframes=np.ones(n, dtype=np.bool_),
        codec=image.suffix.lower().removeprefix("."),
        size_bytes=sum(entry.stat().st_size for entry in images),
        warnings=warnings,
    )


def _probe_file(path: Path) -> VideoInfo:
    size_bytes = file_size(path)
    container, video = open_video(path)
    with container:
        found = [_row(packet, video.name) for packet in read_packets(container, video)]
        n_lost = 0
        is_mp4 = "mp4" in container.format.name
        # Samples that an edit list cuts off are in an MP4's header count, but not in its index.
        declared = len(video.index_entries) if is_mp4 else video.frames
        header_fps, header_s = float(video.average_rate or 0), (container.duration or 0) / av.time_base
        tick_s, codec = float(video.time_base or 0), video.codec_context.codec
        alone = len(container.streams) == 1
        untimed = container.format.name in _UNTIMED_FORMATS and bool(codec.properties & _REORDER)
        if container.format.name == "avi":
            found, n_lost = _with_lost(found, video)
    n_read = len(found)
    while found and found[-1].corrupt:  # a last packet that the end of the file cuts
        found.pop()
    if not any(row.shows for row in found):
        raise VideoError(f"{path} holds no frames", got=f"{n_read} readable packets", hint="copy or download it again")
    pts, dts, positions, keys, _, shows, durations = zip(*found, strict=True)
    shown = np.flatnonzero(shows)
    timed = not untimed and all(pts[place] is not None for place in shown)
    first, decode_ranks = _decode_once(path, positions, whole=not timed)
    ranks = np.asarray([pts[place] for place in shown]) if timed else decode_ranks[shown]
    places = shown[np.argsort(ranks, kind="stable")]
    times_s, timed_at_all = presentation_times(pts if timed else dts, places, tick_s, header_fps)
    warnings = [] if timed_at_all else [f"the file stores no times: {header_fps or FOLDER_FPS:g} fps assumed"]

    if n_lost:
        warnings.append(f"{n_lost} of {n_read} packets that the index names cannot be found")
    ends_early = len(found) < max(n_read, declared) or (not declared and alone and header_s > times_s[-1] + 0.5)
    damage = ""
    n = numbered_surely(places, shown, times_s, tick_s, timed=timed, ends_early=ends_early)
    if ends_early:
        says = f"{declared} frames" if declared else f"{header_s:.1f} s"
        damage = f"the header declares {says}, {n} frames were found: the file ends early or is damaged"
        warnings.append(damage)
    elif 0 < declared < len(found):
        warnings.append(f"the header declares {declared} frames, {n} were found")
    places, times_s = places[:n], times_s[:n]

    variable = not is_even(times_s, tick_s)
    fps = (n - 1) / times_s[-1] if times_s[-1] > 0 else header_fps or FOLDER_FPS
    if abs(fps - header_fps) <= 0.01 * fps:
        fps = header_fps  # the same without the rounding of times
    elif header_fps > 0 and not variable:
        warnings.append(f"the header declares {header_fps:g} fps, the frames come at {fps:g}")
    elif header_fps == 0 and n == 1:
        warnings.append(f"one frame tells no frame rate: {FOLDER_FPS:g} fps assumed")
    if first.rotation % 90:
        warnings.append(f"a rotation of {first.rotation} degrees is rounded to a quarter turn")
    last_s = (durations[places[-1]] or 0) * tick_s
    numbers = np.full(len(found), -1, dtype=np.int64)
    numbers[places] = np.arange(n)
    stamps = [next((int(t) for t in (d, p) if t is not None), 0) for d, p in zip(dts, pts, strict=True)]
    width, height = _size(first)
    return VideoInfo(
        path=path,
        n_frames=n,
        fps=float(fps),
        duration_s=float(times_s[-1] + (last_s if last_s > 0 else 1 / fps)),
        width=width,
        height=height,
        rotation=90 * quarter_turns(first),
        variable_frame_rate=variable,
        times_s=times_s,
        keyframes=np.asarray(keys, dtype=np.bool_)[places],
        codec=codec.name,
        size_bytes=size_bytes,
        warnings=tuple(warnings),
        damage=damage,
        packets=Packets(numbers, np.asarray(positions, dtype=np.int64), np.asarray(stamps, dtype=np.int64)),
    )


def _size(frame: VideoFrame) -> tuple[int, int]:
    """Width and height, upright."""
    return (frame.height, frame.width) if quarter_turns(frame) % 2 else (frame.width, frame.height)


def _with_lost(found: list[Row], video: VideoStream) -> tuple[list[Row], int]:
    """The packets of an AVI file with those that its index has and reading missed, and how many these are.

    An AVI packet has no time but its place, so one whose header is damaged would shift all behind it.
    """
    index = {entry.pos + 8: entry.timestamp for entry in video.index_entries}  # a chunk's data follow 8 bytes of header
    if not found or any(row.position not in index for row in found):
        return found, 0
    read = {row.position: row for row in found}
    complete = [
        read.get(position, Row(None, 0, position, False, False, True, 0))._replace(dts=place)
        for position, place in index.items()
        if position <= found[-1].position
    ]
    return complete, len(complete) - len(found)


def _row(packet: Packet[VideoStream], codec: str | None) -> Row:
    return Row(
        pts=packet.pts,
        dts=packet.dts,
        position=-1 if packet.pos is None else packet.pos,
        key=packet.is_keyframe,
        corrupt=packet.is_corrupt,
        # Not one outside the edit list, nor a hidden VP8 reference (show_frame, RFC 6386 section 9.1).
        shows=not packet.is_discard and (codec != "vp8" or bool(memoryview(packet)[0] & 0x10)),
        duration=packet.duration,
    )


def _decode_once(path: Path, positions: Sequence[int], *, whole: bool) -> tuple[VideoFrame, Float64]:
    """Decode the first frame, or all to learn in which order packets (by position in the file) are shown.

    A packet that gives no frame is ranked behind the one stored before it.
    """
    n_packets = len(positions)
    with closing(decode(path, counted(n_packets, positions), [(0, n_packets - 1)])) as frames:
        first = next(frames, None)
        if first is None:
            raise VideoError(
                f"no frame of {path} can be decoded", got=f"{n_packets} packets", hint="copy or download it again"
            )
        output = [first[1], *(place for _, place, _ in frames)] if whole else [first[1]]
    ranks = np.full(n_packets, np.nan)
    ranks[output[::-1]] = np.arange(len(output), dtype=np.float64)[::-1]
    behind = -0.5
    for place, rank in enumerate(ranks.tolist()):
        ranks[place] = behind if math.isnan(rank) else rank
        behind = math.floor(ranks[place]) + 0.5
    return first[2], ranks
