"""Packets of one file in stored order, and the frames they decode to, each with the number of its packet."""

from __future__ import annotations

import contextlib
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
_FIRST_PACKETS = 256


def decoder_version() -> str:
    """Versions of what turns files into pixels, for a fingerprint."""
    codec, scale = (".".join(map(str, av.library_versions[name])) for name in ("libavcodec", "libswscale"))
    return f"av {av.__version__}, libavcodec {codec}, libswscale {scale}"


def open_video(path: Path, *, stored_times: bool = False) -> tuple[InputContainer, VideoStream]:
    """Open a file for decoding its main video stream with one thread.

    Args:
        path: The file.
        stored_times: Whether packets have only the times that the file stores, none that are worked out.
    """
    try:
        container = _open(path, stored_times=stored_times)
        if len(streams_of(container)) > 1:
            main = main_stream(container)
            container.close()  # some of it was read
            container = _open(path, stored_times=stored_times)
        else:
            main = 0
    except (av.FFmpegError, OSError, ValueError) as error:
        with path.open("rb") as file:
            is_mp4 = file.read(12)[4:8] == b"ftyp"
        reason = (
            "an MP4 without a readable index (moov): cut short, or still being written" if is_mp4 else "not a video"
        )
        raise VideoError(f"{path} cannot be opened", got=reason, hint="copy or download it again") from error
    try:
        streams = streams_of(container)
        if not streams:
            kinds = ", ".join(sorted({str(found.type) for found in container.streams}))
            raise VideoError(f"{path} holds no video", got=f"only {kinds}" if kinds else "no streams at all")
        video = streams[main]
        if video.codec_context is None:
            raise VideoError(f"no decoder for the video in {path}", hint="convert it to H.264")
        video.thread_type = "NONE"
        video.codec_context.thread_count = 1
    except BaseException:
        container.close()
        raise
    return container, video


def _open(path: Path, *, stored_times: bool) -> InputContainer:
    # "file:" and the white list: neither a name with a colon nor a playlist inside the file reaches the network.
    options = {"protocol_whitelist": "file"} | ({"fflags": "nofillin"} if stored_times else {})
    return av.open(f"file:{path.absolute()}", options=options, metadata_errors="replace")


def streams_of(container: InputContainer) -> list[VideoStream]:
    """The video streams of a file that are no cover or thumbnail."""
    pictures = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    return [video for video in container.streams.video if not Disposition(video.disposition) & pictures]


def main_stream(container: InputContainer) -> int:
    """Which of several video streams (of `streams_of`) is the main one, by a look at the first packets.

    It is one that can be decoded, that is no single picture, and the largest; then the file's default, and the first.
    """
    videos = streams_of(container)
    counts = dict.fromkeys((video.index for video in videos), 0)
    with contextlib.suppress(av.FFmpegError, IndexError):
        for packet in itertools.islice(container.demux(videos), _FIRST_PACKETS):
            counts[packet.stream_index] += bool(packet.size)
    enough = max(counts.values()) / 16

    def rank(place: int) -> tuple[bool, bool, int, bool]:
        video = videos[place]
        codec, default = video.codec_context, bool(Disposition(video.disposition) & Disposition.default)
        return codec is not None, counts[video.index] > enough, codec.width * codec.height if codec else 0, default

    return max(range(len(videos)), key=rank)


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
) -> Generator[tuple[int, int, VideoFrame | None], None, None]:
    """Decode runs of packets (first and last place in stored order): (index of the run, the packet's number, frame).

    A packet that the decoder refuses comes without a frame. A frame has the number of the packet that it began with.
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


def _decoded(codec: av.VideoCodecContext, packet: Packet[VideoStream] | None) -> list[tuple[int, VideoFrame | None]]:
    number = -1 if packet is None or packet.pts is None else packet.pts
    try:
        frames = codec.decode(packet)
    except av.FFmpegError:
        return [(number, None)] if number >= 0 else []
    return [(frame.pts, frame) for frame in frames if frame.pts is not None and frame.pts >= 0]


def first_frame(image: Path) -> VideoFrame | None:
    """The frame of an image, None where it cannot be decoded."""
    try:
        with closing(decode(image, counted(1), [(0, 0)])) as frames:
            return next((frame for _, _, frame in frames if frame is not None and not frame.is_corrupt), None)
    except (VideoError, OSError):
        return None
