"""Makes small test videos whose frames show their own number, so that a test can see which frame it got."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.packet import Packet

from headhunt.errors import VideoError
from headhunt.video import VideoInfo, probe, stream

BITS = 12
B_FRAMES = {"bf": "3"}
KINDS = {
    "h264-b.mp4": {"codec_options": B_FRAMES},
    "h264-open-gop.mp4": {"codec_options": {"bf": "3", "x264-params": "open-gop=1"}},
    "h264-intra-refresh.mp4": {"codec_options": {"bf": "0", "x264-params": "intra-refresh=1"}},
    "h264.mkv": {"codec_options": B_FRAMES},
    "h264.ts": {"codec_options": B_FRAMES},
    "h264.avi": {"codec_options": B_FRAMES},
    "raw.h264": {"codec_options": B_FRAMES},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mpeg4-b.avi": {"codec": "mpeg4", "codec_options": {"bf": "2"}},
    "mpeg2.mpg": {"codec": "mpeg2video", "codec_options": {"bf": "2"}},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "vp8.webm": {"codec": "libvpx", "codec_options": {"deadline": "realtime", "cpu-used": "8"}},
    "vp9.webm": {"codec": "libvpx-vp9", "codec_options": {"deadline": "realtime", "cpu-used": "8"}},
}


def draw_frame(number: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """uint8 (H, W, 3): three rows of blocks, 12 bits and their complements; below, red at the left, blue right."""
    width, height = size
    block_w, block_h = width // 8, height // 6
    frame = np.full((height, width, 3), 90, dtype=np.uint8)
    bits = [number >> bit & 1 for bit in range(BITS)]
    for place, bit in enumerate([*bits, *(1 - bit for bit in bits)]):
        row, column = divmod(place, 8)
        frame[row * block_h : (row + 1) * block_h, column * block_w : (column + 1) * block_w] = 235 if bit else 16
    frame[-2 * block_h :, :block_w], frame[-2 * block_h :, -block_w:] = (220, 20, 20), (20, 20, 220)
    return frame


def read_number(frame: np.ndarray) -> int | None:
    """The number a decoded frame shows, or None where the picture is too damaged to tell."""
    height, width = frame.shape[:2]
    block_w, block_h = width // 8, height // 6
    levels = np.asarray(
        [
            frame[row * block_h : (row + 1) * block_h, column * block_w : (column + 1) * block_w][2:-2, 2:-2].mean()
            for row, column in (divmod(place, 8) for place in range(2 * BITS))
        ]
    )
    bits, complements = levels[:BITS] > 126, levels[BITS:] > 126
    if np.any(bits == complements) or np.any(np.abs(levels - 126) < 50):
        return None
    return sum(1 << int(bit) for bit in np.flatnonzero(bits))


def write_video(
    path: Path,
    n_frames: int,
    *,
    fps: int = 25,
    size: tuple[int, int] = (64, 48),
    gop: int = 12,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: Sequence[int] | None = None,
    rotation: int = 0,
    first_number: int = 0,
    shown: Sequence[int] | None = None,
    codec_options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a video of which frame i shows the number `first_number` + i (below 4096).

    Args:
        path: Where; the suffix chooses the container.
        n_frames: How many.
        fps: Frames per second.
        size: Width and height of the stored picture.
        gop: Frames from key frame to key frame.
        codec: Name of the encoder.
        pix_fmt: Pixel format of the encoder.
        times: Time of each frame in units of 1 / fps, rising; None is 0, 1, 2, ...
        rotation: Display rotation in degrees counter-clockwise written into the container.
        first_number: The number the first frame shows.
        shown: The number each frame shows instead, so that frames can repeat.
        codec_options: Options of the encoder, {"bf": "3"} for three B frames in a row.
        container_options: Options of the container, {"movflags": "faststart"} for an index in front.

    Returns:
        `path`.
    """
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=fps, options=codec_options or {})
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.gop_size = gop
        stream.codec_context.thread_count = 1
        if rotation:
            stream.set_display_rotation(rotation)
        for i in range(n_frames):
            frame = av.VideoFrame.from_ndarray(
                draw_frame(first_number + i if shown is None else shown[i], size), "rgb24"
            )
            frame.pts, frame.time_base = (i if times is None else times[i]), Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_image(path: Path, number: int, pix_fmt: str = "rgb24") -> None:
    """Write an image that shows a number."""
    codec = {".jpg": "mjpeg", ".jpeg": "mjpeg", ".png": "png", ".bmp": "bmp", ".tif": "tiff", ".tiff": "tiff"}
    encoder = av.CodecContext.create(codec[path.suffix.lower()], "w")
    frame = av.VideoFrame.from_ndarray(draw_frame(number), "rgb24").reformat(format=pix_fmt)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, pix_fmt, Fraction(1, 25)
    path.write_bytes(b"".join(bytes(p) for p in [*encoder.encode(frame), *encoder.encode()]))


def numbers(frames: Iterable[np.ndarray]) -> list[int | None]:
    """The number each frame shows."""
    return [read_number(frame) for frame in frames]


def spaced(n: int, length: int = 48) -> list[np.ndarray]:
    """Groups of `length` frames that follow each other, the last may be shorter."""
    return [np.arange(start, min(start + length, n)) for start in range(0, n, length)]


def assert_exact(path: Path, info: VideoInfo) -> dict[int, int | None]:
    """Every frame that is delivered shows its number; returns the numbers of those that are."""
    groups = [np.array([i]) for i in range(info.n_frames)]
    got = {int(groups[g][0]): r for g, r in stream(path, groups, info=info, transform=read_number)}
    assert sorted(got) == list(range(info.n_frames))
    sound = {i: r[0] for i, r in got.items() if not isinstance(r, VideoError)}
    assert sound == {i: i for i in sound}
    return sound


def remux(
    source: Path,
    target: Path,
    *,
    keep: Callable[[int], bool] = lambda _place: True,
    change: Callable[[int, Packet], Iterable[Packet]] = lambda _place, packet: [packet],
    convert: str = "",
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write the packets of a video into another container, without decoding them.

    Args:
        source: The video.
        target: Where; the suffix chooses the container.
        keep: Which packets are written, by their place in stored order.
        change: What is written for a packet that is.
        convert: A bitstream filter that packets go through.
        container_options: Options of the container.

    Returns:
        `target`.
    """
    with av.open(str(source)) as old, av.open(str(target), "w", options=container_options or {}) as new:
        given = old.streams.video[0]
        out = new.add_stream_from_template(given)
        through = av.BitStreamFilterContext(convert, given, out) if convert else None
        stored = [packet for packet in old.demux(given) if packet.size]
        if through is not None:
            stored = [
                *itertools.chain.from_iterable(through.filter(packet) for packet in stored),
                *through.filter(None),
            ]
        for place, packet in enumerate(stored):
            for written in change(place, packet) if keep(place) else ():
                written.stream = out
                new.mux(written)
    return target


def packet_like(data: bytes, packet: Packet, **times: int) -> Packet:
    """A packet of these bytes with the times of another, or others."""
    made = av.Packet(data)
    made.time_base, made.is_keyframe = packet.time_base, packet.is_keyframe
    made.pts, made.dts = times.get("pts", packet.pts), times.get("dts", packet.dts)
    return made


def shown_numbers(path: Path) -> list[int | None]:
    """The number each frame shows, None where it cannot be decoded; the same in one pass and one by one."""
    info = probe(path)
    singles = [np.array([i]) for i in range(info.n_frames)]
    passed = dict(stream(path, singles, info=info))
    for i, in_a_pass in passed.items():
        ((_, alone),) = stream(path, [np.array([i])], info=info)
        assert isinstance(alone, VideoError) == isinstance(in_a_pass, VideoError), i
        if not isinstance(alone, VideoError):
            np.testing.assert_array_equal(alone[0], in_a_pass[0])
    return [None if isinstance(found := passed[i], VideoError) else read_number(found[0]) for i in range(info.n_frames)]
