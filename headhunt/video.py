"""Exact frames of one video by their native number; knows nothing of segments, labels or models.

A native frame number is a place in presentation order, 0-based, over the frames the file really holds: headers are not
believed. `probe` reads all packets once and numbers them; decoding then stamps every packet with its number and reads
the stamp back from the frame, so a lost, repeated or reordered frame never shifts the ones behind it.
Where a container keeps no presentation times (AVI, raw streams) and its codec may reorder frames, `probe` decodes the
file once to learn the order; such a file without any times gets its frames at the header's rate.

One video is decoded by one thread: frame threads can deadlock on early exit, slice threads lose corruption flags.
Pixels are taken as stored, without correction of the sample aspect ratio.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
import re
import stat
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast, overload

import av
import numpy as np
from av.codec.codec import Properties
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from headhunt.errors import InputError, VideoError
from headhunt.records import Bool, Float64, Int64, UInt8

T = TypeVar("T")

# fmt: off
VIDEO_SUFFIXES = frozenset((
    ".3gp", ".264", ".asf", ".avi", ".divx", ".flv", ".h264", ".h265", ".hevc", ".m2ts", ".m4v", ".mjpeg", ".mjpg",
    ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv",
))
# fmt: on
IMAGE_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff"))
FOLDER_FPS = 25.0

_REORDER = cast(int, Properties.REORDER.value)  # a codec that may show frames in another order than it stores them
_UNTIMED_FORMATS = frozenset(("avi", "h264", "hevc", "m4v", "mpeg", "mpegvideo", "obu", "vc1"))
_MAX_REORDER = 32  # frames; no codec holds a frame back longer (H.264 and HEVC: 16)
_MIN_JUMP = 64  # packets; decoding fewer costs less than it could save
_MAX_BAD_READS = 100  # in a row


@dataclass(frozen=True, eq=False)
class Packets:
    """The packets of a video file in stored (decode) order: what `stream` needs to feed a decoder.

    Attributes:
        numbers: int64 (m,), native frame number of each, -1 where it shows no frame.
        positions: int64 (m,), byte in the file, -1 where not known.
        stamps: int64 (m,), decode time in the stream's ticks, for seeking.
    """

    numbers: Int64
    positions: Int64
    stamps: Int64


@dataclass(frozen=True, eq=False)
class VideoInfo:
    """What one video really holds.

    Attributes:
        path: The file, or the folder of frames.
        n_frames: Native frames, >= 1.
        fps: Mean frames per second, > 0.
        duration_s: From the first frame to the end of the last, seconds.
        width: Pixels, upright.
        height: Pixels, upright.
        rotation: Degrees counter-clockwise by which stored frames are turned: 0, 90, 180 or 270.
        variable_frame_rate: Whether frames are unevenly spaced in time.
        times_s: float64 (n_frames,), true time of each frame, seconds from the first; never decreasing.
        keyframes: bool (n_frames,), frames that decoding can start from.
        codec: Name of the codec.
        size_bytes: Size of the file (of all images of a folder).
        warnings: What is odd about it, in words; empty for a sound file.
        packets: How to find the frames in the file; None for a folder.
    """

    path: Path
    n_frames: int
    fps: float
    duration_s: float
    width: int
    height: int
    rotation: int
    variable_frame_rate: bool
    times_s: Float64
    keyframes: Bool
    codec: str
    size_bytes: int
    warnings: tuple[str, ...] = ()
    packets: Packets | None = field(default=None, repr=False)


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
    return _probe_folder(path, folder_fps) if _is_folder(path) else _probe_file(path)


@overload
def stream(
    path: Path | str, groups: Sequence[Int64], *, info: VideoInfo | None = None
) -> Iterator[tuple[int, list[UInt8] | VideoError]]: ...
@overload
def stream(
    path: Path | str, groups: Sequence[Int64], *, info: VideoInfo | None = None, transform: Callable[[UInt8], T]
) -> Iterator[tuple[int, list[T] | VideoError]]: ...
def stream(
    path: Path | str,
    groups: Sequence[Int64],
    *,
    info: VideoInfo | None = None,
    transform: Callable[[UInt8], Any] | None = None,
) -> Iterator[tuple[int, list[Any] | VideoError]]:
    """Read groups of frames in one pass over a video, each group as soon as its last frame is there.

    A frame is held only while a group that needs it is open. Stretches that no group needs are not decoded.

    Args:
        path: The video.
        groups: int arrays of native frame numbers, each in ascending order; they may overlap and repeat a number.
        info: What `probe` said of it; None probes first.
        transform: Applied once to each needed frame, uint8 (H, W, 3) RGB and upright; what it returns is what is held.

    Returns:
        An iterator of (index into `groups`, its frames in order), in order of completion, groups of no frames first. A
        group with a frame that cannot be decoded gets a VideoError that names the frames; the others go on.

    Raises:
        InputError: A group is not in ascending order or has a number that the video has not.
        VideoError: The video cannot be read at all, or changed since `info` was made.
    """
    path = Path(path)
    info = probe(path) if info is None else info
    arrays = [np.asarray(group, dtype=np.int64) for group in groups]
    for index, array in enumerate(arrays):
        if array.ndim != 1 or np.any(np.diff(array) < 0):
            raise InputError(f"frames of group {index} are not in ascending order", got=array.tolist())
        _check_range(array, info)
    return _stream(path, info, arrays, transform)


def read_frames(path: Path | str, frames: Sequence[int] | Int64, *, info: VideoInfo | None = None) -> UInt8:
    """Read single frames, in any order and with repeats; only what they depend on is decoded.

    Args:
        path: The video.
        frames: int (n,), native frame numbers.
        info: What `probe` said of it; None probes first.

    Returns:
        uint8 (n, H, W, 3) RGB, upright.

    Raises:
        InputError: A number that the video has not.
        VideoError: A frame cannot be decoded, or the frames differ in size.
    """
    path = Path(path)
    info = probe(path) if info is None else info
    wanted = np.asarray(frames, dtype=np.int64).reshape(-1)
    _check_range(wanted, info)
    unique, places = np.unique(wanted, return_inverse=True)
    if not len(unique):
        return np.zeros((0, info.height, info.width, 3), dtype=np.uint8)
    ((_, pixels),) = stream(path, [unique], info=info)
    if isinstance(pixels, VideoError):
        raise pixels
    if len({array.shape for array in pixels}) > 1:
        raise VideoError(f"frames of {path} differ in size", got=sorted({array.shape[:2] for array in pixels}))
    return np.stack([pixels[place] for place in places])


def find_videos(folder: Path | str) -> list[Path]:
    """All videos in and below a folder, sorted by their path relative to it.

    A video is a file with a known suffix (in any case), or a folder that directly holds two numbered images or more and
    no video file; what lies below such a folder is not looked at. A folder named like a video that holds neither is
    returned too, so that it is recorded as one that cannot be read. Names that start with a dot are skipped.

    Raises:
        InputError: Not a folder, or one that may not be read.
    """
    folder = Path(folder)
    if not _is_folder(folder):
        raise InputError("there is no folder to look for videos in", got=folder)
    return sorted(_find(folder, frozenset()), key=lambda path: path.relative_to(folder).as_posix())


# --- finding ---------------------------------------------------------------------------------------------------------


def _find(folder: Path, above: frozenset[Path]) -> list[Path]:
    real = folder.resolve()
    if real in above:  # a link back up
        return []
    try:
        entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read", got=error.strerror) from error
    folders = [entry for entry in entries if entry.is_dir()]
    videos = [entry for entry in entries if entry.suffix.lower() in VIDEO_SUFFIXES and not entry.is_dir()]
    images = [entry for entry in entries if _is_image(entry) and re.search("[0-9]", entry.stem)]
    if not videos and len(images) >= 2:
        return [folder]
    for inner in folders:
        below = _find(inner, above | {real})
        videos += below or ([inner] if inner.suffix.lower() in VIDEO_SUFFIXES else [])
    return videos


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()


def _images(folder: Path) -> list[Path]:
    """The frames of a folder in natural order: frame_2 before frame_10."""

    def natural(path: Path) -> tuple[list[str | int], str]:
        parts = re.split("([0-9]+)", path.name)
        return [int(part) if place % 2 else part for place, part in enumerate(parts)], path.name

    try:
        images = sorted((entry for entry in folder.iterdir() if _is_image(entry)), key=natural)
    except OSError as error:
        raise VideoError(f"the folder {folder} cannot be read", got=error.strerror) from error
    if not images:
        raise VideoError(
            f"{folder} is a folder without frames",
            expected="images: " + " ".join(sorted(IMAGE_SUFFIXES)),
            hint="name the video file itself, or remove the folder",
        )
    return images


# --- opening and decoding --------------------------------------------------------------------------------------------


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # what is wrong with it is said when it is opened


def _file_size(path: Path) -> int:
    """Size of a regular file that is there, may be read and is not empty."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise VideoError(f"{path} is no regular file")
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise VideoError(f"there is no video at {path}", hint="check the path") from error
    except PermissionError as error:
        raise VideoError(f"no permission to read {path}", hint="give this user the right to read it") from error
    except (OSError, ValueError) as error:
        raise VideoError(f"{path} cannot be opened", got=error) from error
    if found.st_size == 0:
        raise VideoError(f"{path} is empty", got="0 bytes", hint="copy it again")
    return found.st_size


def _open(path: Path) -> tuple[InputContainer, VideoStream]:
    """Open a file for decoding its first video stream with one thread."""
    try:
        # "file:" and the white list: neither a name with a colon nor a playlist inside the file reaches the network.
        container = av.open(
            f"file:{path.absolute()}", options={"protocol_whitelist": "file"}, metadata_errors="replace"
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        with path.open("rb") as file:
            is_mp4 = file.read(12)[4:8] == b"ftyp"
        reason = (
            "an MP4 without a readable index (moov): cut short, or still being written" if is_mp4 else "not a video"
        )
        raise VideoError(f"{path} cannot be opened", got=reason, hint="copy or download it again") from error
    try:
        cover = Disposition.attached_pic
        streams = [found for found in container.streams.video if not Disposition(found.disposition) & cover]
        if not streams:
            kinds = sorted({str(found.type) for found in container.streams}) or ["nothing"]
            raise VideoError(f"{path} holds no video", got=f"only {', '.join(kinds)}")
        video = streams[0]
        if video.codec_context is None:
            raise VideoError(f"no decoder for the video in {path}", hint="convert it to H.264")
        video.thread_type = "NONE"
        video.codec_context.thread_count = 1
    except BaseException:
        container.close()
        raise
    return container, video


def _packets(container: InputContainer, video: VideoStream) -> Iterator[Packet[VideoStream]]:
    """The packets of a stream in stored order; what cannot be read is passed over, the same way every time."""
    bad_reads = 0
    while bad_reads < _MAX_BAD_READS:
        try:
            for packet in container.demux(video):
                bad_reads = 0
                if packet.size:  # the empty one at the end would only flush the decoder
                    yield packet
        except av.FFmpegError:
            bad_reads += 1
        except IndexError:
            return  # PyAV's, at the end of a damaged stream file in which a further stream turned up
        else:
            return


def _decode(
    path: Path, packets: Packets, runs: Sequence[tuple[int, int]]
) -> Generator[tuple[int, int, VideoFrame], None, None]:
    """Decode runs of packets (first and last place in stored order): (index of the run, the packet's number, frame).

    Packets are told apart by where they lie in the file, or counted where that is not known. Before the first run the
    file is sought in, if that leads to a packet at or before it.
    """
    places = {position: place for place, position in enumerate(packets.positions.tolist())}
    located = -1 not in places and len(places) == len(packets.positions)
    container, video = _open(path)
    head = None
    if located and runs[0][0] > 0:
        try:
            container.seek(int(packets.stamps[runs[0][0]]), stream=video)
            head = next(_packets(container, video), None)
        except av.FFmpegError:
            head = None
        if head is None or places.get(head.pos, len(places)) > runs[0][0]:
            head = None
            container.close()
            container, video = _open(path)
    with container:
        codec, run = video.codec_context, 0
        source = itertools.chain([] if head is None else [head], _packets(container, video))
        for count, packet in enumerate(source):
            place = places.get(packet.pos, -1) if located else count
            while place > runs[run][1]:
                for number, frame in _decoded(codec, None):
                    yield run, number, frame
                codec.flush_buffers()
                run += 1
                if run == len(runs):
                    return
            if place >= runs[run][0]:
                # Decoders carry the time of a packet to its frame untouched, so it can carry our number.
                packet.pts, packet.dts = int(packets.numbers[place]), None
                for number, frame in _decoded(codec, packet):
                    yield run, number, frame
        for number, frame in _decoded(codec, None):
            yield run, number, frame


def _decoded(codec: av.VideoCodecContext, packet: Packet[VideoStream] | None) -> list[tuple[int, VideoFrame]]:
    try:
        frames = codec.decode(packet)
    except av.FFmpegError:
        return []  # its frame is missing from the output, which is how damage is noticed
    return [(frame.pts, frame) for frame in frames if frame.pts is not None and frame.pts >= 0]


# --- streaming -------------------------------------------------------------------------------------------------------


def _check_range(frames: Int64, info: VideoInfo) -> None:
    outside = frames[(frames < 0) | (frames >= info.n_frames)]
    if len(outside):
        raise InputError(
            f"{info.path} has no frame {outside[0]}", got=int(outside[0]), expected=f"0 to {info.n_frames - 1}"
        )


def _stream(
    path: Path, info: VideoInfo, groups: list[Int64], transform: Callable[[UInt8], Any] | None
) -> Iterator[tuple[int, list[Any] | VideoError]]:
    users: dict[int, list[int]] = {}  # frame -> open groups that need it
    left: list[int] = []  # frames each group still waits for
    for index, group in enumerate(groups):
        unique = np.unique(group).tolist()
        left.append(len(unique))
        for number in unique:
            users.setdefault(number, []).append(index)
        if not unique:
            yield index, []
    held: dict[int, Any] = {}
    missing: set[int] = set()
    reformatter = VideoReformatter()
    with closing(_wanted(path, info, sorted(users))) as frames:
        for number, frame in frames:
            pixels = None if frame is None else _upright(frame, reformatter)
            if pixels is None:
                missing.add(number)
            else:
                held[number] = pixels if transform is None else transform(pixels)
            del frame, pixels
            for index in tuple(users[number]):
                left[index] -= 1
                if left[index]:
                    continue
                lost = sorted(missing.intersection(groups[index].tolist()))
                result = _lost(path, lost) if lost else [held[i] for i in groups[index].tolist()]
                for i in np.unique(groups[index]).tolist():
                    users[i].remove(index)
                    if not users[i]:
                        held.pop(i, None)
                yield index, result
                del result  # the caller's now


def _lost(path: Path, frames: list[int]) -> VideoError:
    named = ", ".join(map(str, frames[:8])) + (f" and {len(frames) - 8} more" if len(frames) > 8 else "")
    return VideoError(f"frames of {path} cannot be decoded", got=f"frames {named}", hint="the file is damaged there")


def _upright(frame: VideoFrame, reformatter: VideoReformatter) -> UInt8 | None:
    try:
        rgb = reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
    except av.FFmpegError:  # a damaged header can name a layout that has no RGB
        return None
    return np.ascontiguousarray(np.rot90(rgb, _quarter_turns(frame)))


def _quarter_turns(frame: VideoFrame) -> int:
    """Turns counter-clockwise that bring a stored frame upright."""
    return round(frame.rotation / 90) % 4


def _wanted(path: Path, info: VideoInfo, wanted: list[int]) -> Generator[tuple[int, VideoFrame | None], None, None]:
    """Each wanted frame once, or None for it as soon as it is sure that it cannot be decoded."""
    if not wanted:
        return
    if info.packets is None:
        images = _images(path)
        if len(images) != info.n_frames:
            raise VideoError(
                f"{path} changed", got=f"{len(images)} images", expected=info.n_frames, hint="probe it again"
            )
        for number in wanted:
            yield number, _first_frame(images[number])
        return
    if _file_size(path) != info.size_bytes:
        raise VideoError(f"{path} changed", got=f"not {info.size_bytes} bytes any more", hint="probe it again")
    waiting = dict.fromkeys(wanted)
    for jump in (True, False):
        runs, starts, firsts = _runs(info, list(waiting), jump=jump)
        begun, trusted = -1, True
        with closing(_decode(path, info.packets, runs)) as frames:
            for run, number, frame in frames:
                if number < starts[run]:
                    continue  # leans on frames that were jumped over
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
    place_of = np.zeros(info.n_frames, dtype=np.int64)
    shown = packets.numbers >= 0
    place_of[packets.numbers[shown]] = np.flatnonzero(shown)
    last = place_of[wanted]
    if not jump:
        return [(0, int(last.max()))], [-1], set()
    keys = np.flatnonzero(info.keyframes)
    before = np.searchsorted(keys, wanted, side="right") - 1
    key = np.where(before >= 0, keys[before], -1) if len(keys) else np.full(len(wanted), -1)
    first = np.minimum(np.where(key >= 0, place_of[key], 0), last)
    runs: list[tuple[int, int]] = []
    starts: list[int] = []
    firsts: set[int] = set()
    for start, end, key_number, number in sorted(zip(first.tolist(), last.tolist(), key.tolist(), wanted, strict=True)):
        if runs and start <= runs[-1][1] + _MIN_JUMP:
            runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
        elif start <= _MIN_JUMP:
            runs.append((0, end))
            starts.append(-1)
        else:
            runs.append((start, end))
            starts.append(key_number)
            firsts.add(number)
    return runs, starts, firsts


# --- probing ---------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One packet as read."""

    pts: int | None
    dts: int | None
    position: int
    key: bool
    corrupt: bool
    shows: bool
    duration: int | None


def _counted(n: int, positions: Sequence[int] | None = None) -> Packets:
    """Packets (n,) numbered as stored."""
    unknown = np.full(n, -1, dtype=np.int64)
    return Packets(np.arange(n), unknown if positions is None else np.asarray(positions, dtype=np.int64), unknown)


def _first_frame(image: Path) -> VideoFrame | None:
    try:
        with closing(_decode(image, _counted(1), [(0, 0)])) as frames:
            return next((frame for _, _, frame in frames if not frame.is_corrupt), None)
    except (VideoError, OSError):
        return None


def _size(frame: VideoFrame) -> tuple[int, int]:
    """Width and height, upright."""
    return (frame.height, frame.width) if _quarter_turns(frame) % 2 else (frame.width, frame.height)


def _probe_folder(path: Path, fps: float | None) -> VideoInfo:
    images = _images(path)
    found = next(((image, frame) for image in images if (frame := _first_frame(image)) is not None), None)
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
        rotation=90 * _quarter_turns(frame),
        variable_frame_rate=False,
        times_s=np.arange(n) / fps,
        keyframes=np.ones(n, dtype=np.bool_),
        codec=image.suffix.lower().removeprefix("."),
        size_bytes=sum(entry.stat().st_size for entry in images),
        warnings=warnings,
    )


def _probe_file(path: Path) -> VideoInfo:
    size_bytes = _file_size(path)
    container, video = _open(path)
    with container:
        found = [_row(packet, video.name) for packet in _packets(container, video)]
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
    first_frame, decode_ranks = _decode_once(path, positions, whole=not timed)
    ranks = np.asarray([pts[place] for place in shown]) if timed else decode_ranks[shown]
    places = shown[np.argsort(ranks, kind="stable")]
    times_s, timed_at_all = _times(pts if timed else dts, places, tick_s, header_fps)
    warnings = [] if timed_at_all else [f"the file stores no times: {header_fps or FOLDER_FPS:g} fps assumed"]

    if n_lost:
        warnings.append(f"{n_lost} of {n_read} packets that the index names cannot be found")
    ends_early = len(found) < max(n_read, declared) or (not declared and alone and header_s > times_s[-1] + 0.5)
    n = _numbered_surely(places, shown, times_s, tick_s, timed=timed, ends_early=ends_early)
    if ends_early:
        says = f"{declared} frames" if declared else f"{header_s:.1f} s"
        warnings.append(f"the header declares {says}, {n} frames were found: the file ends early or is damaged")
    elif 0 < declared < len(found):
        warnings.append(f"the header declares {declared} frames, {n} were found")
    places, times_s = places[:n], times_s[:n]

    variable = not _even(times_s, tick_s)
    fps = (n - 1) / times_s[-1] if times_s[-1] > 0 else header_fps or FOLDER_FPS
    if abs(fps - header_fps) <= 0.01 * fps:
        fps = header_fps  # the same without the rounding of times
    elif header_fps > 0 and not variable:
        warnings.append(f"the header declares {header_fps:g} fps, the frames come at {fps:g}")
    elif header_fps == 0 and n == 1:
        warnings.append(f"one frame tells no frame rate: {FOLDER_FPS:g} fps assumed")
    if first_frame.rotation % 90:
        warnings.append(f"a rotation of {first_frame.rotation} degrees is rounded to a quarter turn")
    last_s = (durations[places[-1]] or 0) * tick_s
    numbers = np.full(len(found), -1, dtype=np.int64)
    numbers[places] = np.arange(n)
    stamps = [next((int(t) for t in (d, p) if t is not None), 0) for d, p in zip(dts, pts, strict=True)]
    width, height = _size(first_frame)
    return VideoInfo(
        path=path,
        n_frames=n,
        fps=float(fps),
        duration_s=float(times_s[-1] + (last_s if last_s > 0 else 1 / fps)),
        width=width,
        height=height,
        rotation=90 * _quarter_turns(first_frame),
        variable_frame_rate=variable,
        times_s=times_s,
        keyframes=np.asarray(keys, dtype=np.bool_)[places],
        codec=codec.name,
        size_bytes=size_bytes,
        warnings=tuple(warnings),
        packets=Packets(numbers, np.asarray(positions, dtype=np.int64), np.asarray(stamps, dtype=np.int64)),
    )


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
    with closing(_decode(path, _counted(n_packets, positions), [(0, n_packets - 1)])) as frames:
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


def _times(stamps: Sequence[int | None], places: Int64, tick_s: float, header_fps: float) -> tuple[Float64, bool]:
    """Times (n,) of frames in presentation order, seconds from the first, and whether the file stores any."""
    known = [stamp for place in places if (stamp := stamps[place]) is not None]
    if len(known) < len(places):
        return np.arange(len(places)) / (header_fps or FOLDER_FPS), False
    first = min(known)
    return np.sort(np.asarray([float(stamp - first) for stamp in known])) * tick_s, True


def _even(times_s: Float64, tick_s: float) -> bool:
    """Whether frames come at one rate, but for the rounding of times to ticks."""
    steps = np.diff(times_s)
    if not len(steps):
        return True
    typical = np.median(steps)
    return bool(np.all(np.abs(steps - typical) <= max(0.1 * typical, 1.01 * tick_s)))


def _numbered_surely(
    places: Int64, shown: Int64, times_s: Float64, tick_s: float, *, timed: bool, ends_early: bool
) -> int:
    """How many frames from the start have a sure number.

    Where a file breaks off, its last frames may be shown behind ones that are lost: frames that overtook others in
    storage are kept there only as far as they follow each other at an even rate.
    """
    n = len(places)
    overtakes = np.searchsorted(shown, places) - np.arange(n)
    sure = max(1, n - max(0, int(overtakes.max())))
    if not timed or not _even(times_s[:sure], tick_s):
        return sure if ends_early else n
    steps = np.diff(times_s)
    late = steps > max(1.5 * np.median(steps), np.median(steps) + 1.01 * tick_s) if n > 1 else steps > 0
    gaps = np.flatnonzero(late) + 1
    gaps = gaps[gaps >= sure]
    return int(gaps[0]) if len(gaps) else n
