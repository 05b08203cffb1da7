"""Probe a video: read all its packets once and number the frames that they show."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
from av.codec.codec import Properties
from av.container import InputContainer
from av.video.stream import VideoStream

from headhunt.arrays import Float64
from headhunt.errors import InputError, VideoError
from headhunt.finding import is_folder
from headhunt.video import claims, numbering, orientation, packets, pictures, verdict
from headhunt.video.decode import first_frame, open_video, streams_of
from headhunt.video.files import file_size, images_of
from headhunt.video.info import FOLDER_FPS, Packets, VideoInfo
from headhunt.video.orientation import Orientation, from_code
from headhunt.video.packets import Found
from headhunt.video.times import is_even, seconds, spread
from headhunt.video.trial import try_out

_SLOWEST, _FASTEST = 1 / 3600, 10_000  # frames a second that a recorder may take
_REORDER = cast(int, Properties.REORDER.value)  # a codec that may show frames in another order than it stores them


def probe(path: Path | str, *, folder_fps: float | None = None, alive: Callable[[], object] = int) -> VideoInfo:
    """Read what a video holds: its packets once, and one frame for size and rotation.

    Where the packets show that they and the frames may differ (fields, pictures that are not coded, no times), all of
    it is decoded once.

    Args:
        path: A video file, or a folder of images in natural order of their names.
        folder_fps: Frames per second of a folder of images, which does not tell; None takes 25 and says so in
            `warnings`.
        alive: Called from time to time while a file is decoded.

    Raises:
        VideoError: Missing, empty, not a video, without a decodable frame, or not readable; says which.
        InputError: `folder_fps` is not a positive number.
    """
    path = Path(path)
    if folder_fps is not None and not (math.isfinite(folder_fps) and folder_fps > 0):
        raise InputError("a frame rate must be positive", got=folder_fps, expected="> 0")
    return _probe_folder(path, folder_fps) if is_folder(path) else _probe_file(path, alive)


def count_frames(path: Path | str) -> int:
    """Native frames of a video; of a folder of images, how many they are, and none is opened.

    Raises:
        VideoError: As `probe` says.
    """
    path = Path(path)
    return len(images_of(path)) if is_folder(path) else probe(path).n_frames


def _probe_folder(path: Path, fps: float | None) -> VideoInfo:
    images = images_of(path)
    found = next(((image, frame) for image in images if (frame := first_frame(image)) is not None), None)
    if found is None:
        raise VideoError(f"no image of {path} can be decoded", got=f"{len(images)} images", hint="copy it again")
    image, frame = found
    upright = orientation.told(frame) or Orientation()
    width, height = upright.size(frame.width, frame.height)
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
        rotation=90 * upright.quarters,
        mirrored=upright.mirrored,
        variable_frame_rate=False,
        times_s=np.arange(n) / fps,
        keyframes=np.ones(n, dtype=np.bool_),
        codec=image.suffix.lower().removeprefix("."),
        size_bytes=sum(entry.stat().st_size for entry in images),
        warnings=warnings,
    )


def _probe_file(path: Path, alive: Callable[[], object]) -> VideoInfo:
    size_bytes = file_size(path)
    container, video = open_video(path)
    header_fps = float(video.average_rate or 0)
    if container.format.name == "mpeg":  # the times that are worked out for most of its pictures are some frames off
        container.close()
        container, video = open_video(path, stored_times=True)
    with container:
        found = packets.read(container, video)
        claim = claims.of(container, video)
        tick_s = float(video.time_base or 0)
        codec = video.codec_context.codec
        untimed = claims.stores_no_times(container)
        warnings = _other_streams(container, video)
    asked = found.holds(*pictures.ASKED)
    if not np.any(found.holds(pictures.SHOWN) | asked):
        raise VideoError(
            f"{path} holds no frames", got=f"{found.n_read} readable packets", hint="copy or download it again"
        )

    reorders = bool(codec.properties & _REORDER)
    slots = claim.format == "avi" or (untimed and reorders)  # the place of a packet is all that tells its time
    times_s, starts = seconds(_slots(found) if slots else found.pts, found.dts, found.keys, tick_s, header_fps)
    unordered = reorders and slots
    unordered |= bool(np.any(np.isnan(times_s[~found.discard])))
    whole = unordered or found.turned or bool(np.any(asked))
    trial = try_out(
        path,
        found.positions,
        whole=whole,
        fresh=found.start == pictures.FRESH,
        knows_start=pictures.knows_start(codec),
        alive=alive,
    )
    numbered = numbering.number(found, trial, starts, None if unordered else times_s)
    if not len(numbered.places):
        raise VideoError(f"no frame of {path} can be decoded", got=f"{len(found)} packets", hint="copy it again")
    known_s = np.full(len(times_s), np.nan) if untimed else times_s
    frames_s = spread(known_s[numbered.places], header_fps)

    n, damage = verdict.damage(path, claim, found, numbered, frames_s, tick_s)
    n_timed, n_stray = int(np.sum(~np.isnan(known_s[numbered.places]))), _n_stray(found, times_s)
    warnings += verdict.notes(path, found, numbered, claim, n_timed=n_timed, n_stray=n_stray, damage=damage)
    places, times_s = numbered.places[:n], frames_s[:n] - frames_s[0]
    variable = not is_even(times_s, tick_s)
    fps = (n - 1) / times_s[-1] if times_s[-1] > 0 else header_fps or FOLDER_FPS
    if untimed:
        warnings.append(f"the file stores no times: {fps:g} fps assumed")
    if n > 1 and not _SLOWEST <= fps <= _FASTEST:
        warnings.append(f"the frames come at {fps:g} fps: their times can hardly be right")
    if damage:
        warnings.append(damage)
    if abs(fps - header_fps) <= 0.01 * fps:
        fps = header_fps  # the same without the rounding of times
    elif header_fps > 0 and not variable and not np.any(numbered.silent):
        warnings.append(f"the header declares {header_fps:g} fps, the frames come at {fps:g}")
    elif header_fps == 0 and n == 1 and not untimed:
        warnings.append(f"one frame tells no frame rate: {FOLDER_FPS:g} fps assumed")

    last_s = 0.0 if untimed else verdict.lasts(found, places, times_s, tick_s)
    if last_s < 0:
        warnings.append(
            "frames are said to last far longer than to the next: the last is taken to last as long as others"
        )
    if slots and n > 1:  # its packets all last one slot
        last_s = max(last_s, float(np.median(np.diff(times_s))))
    end_s = float(times_s[-1]) + (last_s if last_s > 0 else 1 / fps)
    if n == len(numbered.places):  # the second field of the last frame, or pictures that are not coded behind it
        silent_s = (known_s + found.durations * tick_s)[numbered.silent] - frames_s[0]
        end_s = max(end_s, float(np.nan_to_num(silent_s).max(initial=0.0)))

    turns = trial.turns(places)
    upright = from_code(int(turns[0]))
    if (carried := orientation.told(trial.first)) is not None and carried.off_by:
        warnings.append(f"a rotation {carried.off_by:g} degrees off is rounded to a quarter turn")
    width, height = upright.size(trial.first.width, trial.first.height)
    numbers = np.full(len(found), -1, dtype=np.int64)
    numbers[places] = np.arange(n)
    return VideoInfo(
        path=path,
        n_frames=n,
        fps=float(fps),
        duration_s=end_s,
        width=width,
        height=height,
        rotation=90 * upright.quarters,
        mirrored=upright.mirrored,
        variable_frame_rate=variable,
        times_s=times_s,
        keyframes=found.keys[places],
        codec=codec.name,
        size_bytes=size_bytes,
        warnings=tuple(warnings),
        damage=damage,
        packets=Packets(
            numbers,
            np.asarray(found.positions, dtype=np.int64),
            found.stamps(),
            turns if np.any(turns != turns[0]) else turns[:1],
            np.flatnonzero(~trial.gave[places]) if whole else np.zeros(0, dtype=np.int64),
        ),
    )


def _slots(found: Found) -> list[int | None]:
    """Which frame's time each packet takes where packets are counted: one without a picture takes none."""
    empty = np.cumsum(found.holds(pictures.EMPTY)).tolist()
    return [None if slot is None else slot - before for slot, before in zip(found.dts, empty, strict=True)]


def _n_stray(found: Found, times_s: Float64) -> int:
    """How many packets store a time that is no use."""
    return sum(found.pts[place] is not None for place in np.flatnonzero(np.isnan(times_s)).tolist())


def _other_streams(container: InputContainer, main: VideoStream) -> list[str]:
    """What is said of video streams that are not looked at."""

    def size(video: VideoStream) -> str:
        return f"{video.width}x{video.height}" if video.codec_context else "unknown"

    others = [size(video) for video in streams_of(container) if video.index != main.index]
    if not others:
        return []
    return [f"{len(others) + 1} video streams: only the main one is taken ({size(main)}), not {', '.join(others)}"]
