"""Packets of one file in stored order, and the frames they decode to, each with the number of its packet."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from headhunt.errors import VideoError
from headhunt.video.info import Packets, counted

_MAX_BAD_READS = 100  # in a row


def decoder_version() -> str:
    """Versions of what turns files into pixels, for a fingerprint."""
    codec, scale = (".".join(map(str, av.library_versions[name])) for name in ("libavcodec", "libswscale"))
    return f"av {av.__version__}, libavcodec {codec}, libswscale {scale}"


def open_video(path: Path) -> tuple[InputContainer, VideoStream]:
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
            kinds = ", ".join(sorted({str(found.type) for found in container.streams}))
            raise VideoError(f"{path} holds no video", got=f"only {kinds}" if kinds else "no streams at all")
        video = streams[0]
        if video.codec_context is None:
            raise VideoError(f"no decoder for the video in {path}", hint="convert it to H.264")
        video.thread_type = "NONE"
        video.codec_context.thread_count = 1
    except BaseException:
        container.close()
        raise
    return container, video


def read_packets(container: InputContainer, video: VideoStream) -> Iterator[Packet[VideoStream]]:
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


def decode(
    path: Path, packets: Packets, runs: Sequence[tuple[int, int]]
) -> Generator[tuple[int, int, VideoFrame], None, None]:
    """Decode runs of packets (first and last place in stored order): (index of the run, the packet's number, frame).

    Packets are told apart by where they lie in the file, or counted where that is not known. Before the first run the
    file is sought in, if that leads to a packet at or before it.
    """
    places = {position: place for place, position in enumerate(packets.positions.tolist())}
    located = -1 not in places and len(places) == len(packets.positions)
    container, video = open_video(path)
    head = None
    if located and runs[0][0] > 0:
        try:
            container.seek(int(packets.stamps[runs[0][0]]), stream=video)
            head = next(read_packets(container, video), None)
        except av.FFmpegError:
            head = None
        if head is None or places.get(head.pos, len(places)) > runs[0][0]:
            head = None
            container.close()
            container, video = open_video(path)
    with container:
        codec, run = video.codec_context, 0
        source = itertools.chain([] if head is None else [head], read_packets(container, video))
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


def first_frame(image: Path) -> VideoFrame | None:
    """The frame of an image, None where it cannot be decoded."""
    try:
        with closing(decode(image, counted(1), [(0, 0)])) as frames:
            return next((frame for _, _, frame in frames if not frame.is_corrupt), None)
    except (VideoError, OSError):
        return None


def quarter_turns(frame: VideoFrame) -> int:
    """Turns counter-clockwise that bring a stored frame upright."""
    return round(frame.rotation / 90) % 4
