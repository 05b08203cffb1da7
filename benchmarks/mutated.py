"""Extraction over damaged files: `python benchmarks/mutated.py [DIR] [--n 300] [--timeout 5]`, one run, one table.

Rendered videos in six containers are damaged by seeded mutations, one a file. Some mutations are lies in headers:
sizes, lengths and counts that do not match the file. `vadkit extract` then runs once over all of them, in its own
process, with decoder processes and a short time-out, on a tiny model with random weights. For each kind of damage the
table says how its videos ended and how long the slowest took. The benchmark fails unless the run ends by itself with
exit code 3, every file is in the store with a final status, every one that is not done has a reason, and no decoder was
silent for longer than the time-out allows. With DIR, the damaged files are kept there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from headhunt.demo import world
from headhunt.demo.world import WorldConfig
from headhunt.models import random as embedded
from headhunt.store import Store, VideoStatus

N_FRAMES, WIDTH, HEIGHT = 100, 96, 72
SUFFIXES = {  # suffix -> encoder, its options, the container's options
    ".mp4": ("libx264", {"preset": "ultrafast"}, {"movflags": "+faststart"}),
    ".mov": ("libx264", {"preset": "veryfast", "bf": "2"}, {}),  # its index at the end
    ".mkv": ("libx264", {"preset": "veryfast", "bf": "2"}, {}),
    ".avi": ("mpeg4", {"bf": "2"}, {}),
    ".h264": ("libx264", {"preset": "ultrafast"}, {}),
    ".ts": ("libx264", {"preset": "ultrafast"}, {}),
}
MEMORY_LIMIT = 8 * 2**30  # on the run's own data, so that a decompression bomb harms nothing else on the machine
LIES = (0xFFFFFFFF, 0x7FFFFFFF, 0x10000000, 10_000_000, 0x00FFFFFF, 65535)


@dataclass(frozen=True)
class Source:
    """An undamaged video: its suffix, its bytes, and the byte range of its index."""

    suffix: str
    data: bytes
    index: tuple[int, int]


Mutation = Callable[[Source, list[Source], np.random.Generator], tuple[bytes, str]]


def encode(path: Path, pictures: list[np.ndarray], codec: str, options: dict[str, str], box: dict[str, str]) -> None:
    with av.open(str(path), "w", options=box) as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.thread_count = 25, 1
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def sound_videos(folder: Path) -> list[Source]:
    plan = world.plan_video(1, kind="normal", duration_s=10, config=WorldConfig(width=WIDTH, height=HEIGHT))
    pictures = list(world.render_frames(plan, end_frame=N_FRAMES))
    sources = []
    for suffix, (codec, options, box) in SUFFIXES.items():
        path = folder / f"sound{suffix}"
        encode(path, pictures, codec, options, box)
        sources.append(Source(suffix, path.read_bytes(), index_of(suffix, path.read_bytes())))
    return sources


def index_of(suffix: str, data: bytes) -> tuple[int, int]:
    """The byte range of whatever lists the packets: the moov box, the idx1 list, or else the last tenth."""
    name = {".mp4": b"moov", ".mov": b"moov", ".avi": b"idx1"}.get(suffix)
    if name is None:
        return len(data) * 9 // 10, len(data)
    at = data.index(name)
    size = int.from_bytes(data[at - 4 : at], "big") if name == b"moov" else len(data)
    return at, min(len(data), at - 4 + size)


def flip(data: bytes, rng: np.random.Generator, n: int, start: int, stop: int) -> bytes:
    out = np.frombuffer(data, np.uint8).copy()
    places = rng.integers(start, max(start + 1, stop), n)
    for place, bit in zip(places, rng.integers(0, 8, n), strict=True):
        out[place] ^= np.uint8(1 << bit)
    return out.tobytes()


def few_bits(s: Source, _all: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    return flip(s.data, rng, int(rng.integers(1, 9)), 0, len(s.data)), s.suffix


def many_bits(s: Source, _all: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    return flip(s.data, rng, len(s.data) // int(rng.integers(10, 500)), 0, len(s.data)), s.suffix


def header_bits(s: Source, _all: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    return flip(s.data, rng, int(rng.integers(1, 17)), 0, 600), s.suffix


def index_bits(s: Source, _all: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    return flip(s.data, rng, int(rng.integers(1, 17)), *s.index), s.suffix


def payload_bits(s: Source, _all: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    start, stop = (s.index[1], len(s.data)) if s.suffix == ".mp4" else (600, s.index[0])
    return flip(s.data, rng, int(rng.integers(8, 400)), start, stop), s.suffix


def cut_short(s: Source, _all: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    edges = [0, 1, 8, 12, len(s.data) - 1]
    end = int(rng.choice(edges)) if rng.random() < 0.3 else int(rng.integers(0, len(s.data)))
    return s.data[:end], s.suffix


def other_suffix(s: Source, every: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    return s.data, str(rng.choice([o.suffix for o in every if o.suffix != s.suffix] + [".wmv", ".webm", ".mpg"]))


def other_magic(s: Source, every: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    other = every[int(rng.integers(len(every)))]
    n = int(rng.choice([4, 16, 64, 400]))
    return other.data[:n] + s.data[n:], s.suffix


def zeroed_header(s: Source, _all: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    n = int(rng.choice([4, 16, 256, 4096]))
    return bytes(n) + s.data[n:], s.suffix


def hole(s: Source, _all: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    n = int(rng.choice([512, 4096, 16384]))
    at = int(rng.integers(0, max(1, len(s.data) - n)))
    filling = bytes(n) if rng.random() < 0.5 else rng.bytes(n)
    return s.data[:at] + filling + s.data[at + n :], s.suffix


def lost_piece(s: Source, _all: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    at = int(rng.integers(0, len(s.data)))
    return s.data[:at] + s.data[at + int(rng.integers(1, 5000)) :], s.suffix


def garbage_around(s: Source, _all: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    garbage = rng.bytes(int(rng.choice([1, 100, 20_000])))
    return (garbage + s.data if rng.random() < 0.4 else s.data + garbage), s.suffix


def joined(s: Source, every: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    return s.data + every[int(rng.integers(len(every)))].data, s.suffix


def random_bytes(s: Source, _all: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    kept = int(rng.choice([0, 0, 12, 600]))
    n = int(rng.choice([1, 100, 30_000]))
    return s.data[:kept] + (bytes(n) if rng.random() < 0.2 else rng.bytes(n)), s.suffix


def lying_header(s: Source, _all: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    """Put a length, count or size into the header that is far from the true one."""
    data = bytearray(s.data)
    lie = int(rng.choice(LIES))
    if s.suffix in (".mp4", ".mov"):
        name, offsets, width = {
            0: (b"mvhd", (12, 16), 4),  # ticks a second, duration
            1: (b"mdhd", (12, 16), 4),
            2: (b"tkhd", (76, 80), 4),  # width, height
            3: (b"avc1", (24, 26), 2),
            4: (b"stsz", (4, 8), 4),  # size of every sample, number of samples
            5: (b"stts", (4, 8, 12), 4),  # number of runs, samples and ticks of the first
            6: (b"stsc", (4, 8, 12), 4),  # number of runs, first chunk and samples a chunk
            7: (b"stco", (4, 8), 4),
            8: (b"elst", (4, 8, 12), 4),
        }[int(rng.integers(9))]
        at = data.index(name) + 4
        if name in (b"stsz", b"stsc") and rng.random() < 0.5:  # a consistent lie: samples of one byte, all in one chunk
            many = min(lie, 10_000_000)
            at = data.index(b"stsz") + 4
            data[at + 4 : at + 12] = (1).to_bytes(4, "big") + many.to_bytes(4, "big")
            at = data.index(b"stsc") + 4
            data[at + 12 : at + 16] = many.to_bytes(4, "big")
            at = data.index(b"stts") + 4
            data[at + 8 : at + 12] = many.to_bytes(4, "big")
            return bytes(data), s.suffix
        place, order = at + int(rng.choice(offsets)), "big"
    elif s.suffix == ".avi":
        name, offsets = [(b"avih", (8, 20, 24, 40, 44)), (b"strh", (24, 28, 36)), (b"strf", (8, 12)), (b"idx1", (4,))][
            int(rng.integers(4))
        ]
        place, width, order = data.index(name) + int(rng.choice(offsets)), 4, "little"
    elif s.suffix == ".mkv":
        names = [b"\xb0\x82", b"\xba\x82", b"\xb0\x81", b"\xba\x81", b"\x44\x89\x88", b"\x2a\xd7\xb1\x83"]
        name = [n for n in names if n in s.data[:1000]][int(rng.integers(sum(n in s.data[:1000] for n in names)))]
        place, order = data.index(name) + len(name), "big"
        width = (name[-1] & 0x7F) if name[-1] > 0x80 else 1
    else:  # the only header is the parameter sets: damage the bits that hold their sizes
        at = data.index(b"\x00\x00\x01\x67") + 5
        return flip(s.data, rng, int(rng.integers(1, 6)), at, at + 10), s.suffix
    data[place : place + width] = (lie & ((1 << 8 * width) - 1)).to_bytes(width, order)
    return bytes(data), s.suffix


def huge_picture(s: Source, every: list[Source], rng: np.random.Generator) -> tuple[bytes, str]:
    """Have the stream itself claim 8192 x 8192 pixels, a thousand times what its pictures hold."""
    raw = next(o for o in every if o.suffix == ".h264").data
    side = int(rng.choice([2048, 4096, 8192]))
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = side, side, "yuv420p", Fraction(1, 25)
    encoder.options = {"preset": "ultrafast", "rc-lookahead": "0", "threads": "1", "x264-params": "annexb=1"}
    encoder.flags |= 0x400000  # AV_CODEC_FLAG_GLOBAL_HEADER: the parameter sets without a picture
    encoder.open()
    units = [u for u in re.split(rb"\x00?\x00\x00\x01", raw) if u and u[0] & 0x1F not in (6, 7, 8)]
    stream = bytes(encoder.extradata) + b"".join(b"\x00\x00\x01" + u for u in units)
    suffix = str(rng.choice([".h264", ".mp4", ".mkv", ".ts"]))
    if suffix == ".h264":
        return stream, suffix
    with tempfile.TemporaryDirectory() as scratch:
        old, new = Path(scratch) / "old.h264", Path(scratch) / f"new{suffix}"
        old.write_bytes(stream)
        with contextlib.suppress(av.FFmpegError), av.open(str(old)) as source, av.open(str(new), "w") as target:
            out = target.add_stream_from_template(source.streams.video[0])
            for i, packet in enumerate(p for p in source.demux(video=0) if p.size):
                packet.time_base, packet.pts, packet.dts, packet.stream = Fraction(1, 25), i, i, out
                target.mux(packet)
        return new.read_bytes(), suffix  # a container that refuses such a stream leaves what it had written


MUTATIONS: dict[str, Mutation] = {
    "few bits": few_bits,
    "many bits": many_bits,
    "bits of the header": header_bits,
    "bits of the index": index_bits,
    "bits of the pictures": payload_bits,
    "cut short": cut_short,
    "other suffix": other_suffix,
    "other magic": other_magic,
    "zeroed header": zeroed_header,
    "hole": hole,
    "lost piece": lost_piece,
    "garbage around": garbage_around,
    "two files in one": joined,
    "random bytes": random_bytes,
    "lying header": lying_header,
    "huge picture": huge_picture,
}


def make_files(folder: Path, n: int, *, seed: int = 0, kinds: Sequence[str] = tuple(MUTATIONS)) -> dict[str, str]:
    """Write `n` damaged videos and an undamaged one; returns name -> kind of damage."""
    with tempfile.TemporaryDirectory() as scratch, quiet():
        sources = sound_videos(Path(scratch))
        names = {}
        for i in range(n):
            rng = np.random.default_rng([seed, i])
            kind = kinds[i % len(kinds)]
            source = sources[(i // len(kinds) + i) % len(sources)]
            data, suffix = MUTATIONS[kind](source, sources, rng)
            name = f"{i:03d} {kind}{source.suffix}{suffix}"
            (folder / name).write_bytes(data)
            names[name] = kind
    (folder / "sound.mp4").write_bytes(sources[0].data)
    return names | {"sound.mp4": "none"}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Discard what codec libraries print."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def child(arguments: list[str], out: Path) -> None:
    """Run `vadkit`, timing how each file is probed and decoded; this is the process that must not crash.

    For each time a file is worked on `out` gets seconds, and the longest of them without a word from the decoder.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_LIMIT, MEMORY_LIMIT))
    from headhunt.extraction import decoders
    from vadkit import app

    spent: dict[str, list[tuple[float, float]]] = {}
    silences: list[float] = []
    ask, limit = decoders._Process.ask, decoders._Process._limit

    @contextlib.contextmanager
    def waited(self: Any, process: Any) -> Iterator[None]:
        begin = time.perf_counter()
        try:
            with limit(self, process):
                yield
        finally:
            silences.append(time.perf_counter() - begin)

    def clocked(self: Any, message: dict[str, Any]) -> Iterator[Any]:
        silences.clear()
        begin = time.perf_counter()
        try:
            yield from ask(self, message)
        finally:
            path = Path(message["probe"] if "probe" in message else message["path"])
            spent.setdefault(path.name, []).append((time.perf_counter() - begin, max(silences, default=0.0)))
            out.write_text(json.dumps(spent))

    decoders._Process.ask = clocked  # type: ignore[assignment, method-assign]
    decoders._Process._limit = waited  # type: ignore[assignment, method-assign]
    sys.argv = ["vadkit", *arguments]
    app.main()


@dataclass(frozen=True)
class Outcome:
    """How the run ended.

    Attributes:
        code: Exit code of the process, negative for a signal.
        seconds: How long it took.
        peak: Most memory that any one of its processes held, bytes.
        status: Video -> its status in the store.
        reason: Video -> why it is not done, or "".
        spent: Video -> for each time it was worked on seconds, and the longest without a word from the decoder.
        said: What the run printed.
    """

    code: int
    seconds: float
    peak: int
    status: dict[str, VideoStatus]
    reason: dict[str, str]
    spent: dict[str, list[tuple[float, float]]]
    said: str


def run(folder: Path, scratch: Path, *, timeout_s: float, decoders: int, limit_s: float) -> Outcome:
    """Extract a folder of videos with a tiny model, in a process of its own."""
    (scratch / "model").mkdir()
    embedded.build(scratch / "model", layers=2, heads=2, hidden=16, image_size=28)
    store, clock = scratch / "store.zarr", scratch / "clock.json"
    arguments = ["extract", str(folder), "--store", str(store), "--model", str(scratch / "model"), "--frames", "4"]
    arguments += ["--batch-size", "16", "--decoders", str(decoders), "--decode-timeout", str(timeout_s)]
    arguments += ["--device", "cpu", "--offline", "--json"]
    begin = time.perf_counter()
    command = [sys.executable, __file__, "--child", str(clock), *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, capture_output=True, timeout=limit_s, check=False, env=environment)
    seconds = time.perf_counter() - begin
    table = Store(store).videos() if (store / "zarr.json").is_file() else None
    return Outcome(
        done.returncode,
        seconds,
        resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
        {} if table is None else {p: VideoStatus(s) for p, s in zip(table.path, table.status, strict=True)},
        {} if table is None else dict(zip(table.path, table.reason, strict=True)),
        json.loads(clock.read_text()) if clock.is_file() else {},
        done.stderr.decode("utf-8", "replace"),
    )


def check(kinds: dict[str, str], outcome: Outcome, *, timeout_s: float) -> None:
    """Raise AssertionError if anything is wrong, saying what."""
    assert outcome.code == 3, f"exit code {outcome.code}: {outcome.said[-2000:]}"
    assert set(outcome.status) == set(kinds), sorted(set(kinds) ^ set(outcome.status))
    final = {VideoStatus.DONE, VideoStatus.FAILED, VideoStatus.PARTIAL}
    assert set(outcome.status.values()) <= final, [n for n, s in outcome.status.items() if s not in final]
    mute = [n for n, s in outcome.status.items() if s != VideoStatus.DONE and not outcome.reason[n]]
    assert not mute, f"no reason: {mute}"
    assert outcome.status["sound.mp4"] == VideoStatus.DONE, outcome.reason["sound.mp4"]
    # A decoder that goes on giving frames may take long; one that is silent is killed, which may take a moment.
    slow = {
        name: times for name, times in outcome.spent.items() if max(silence for _, silence in times) > 2 * timeout_s
    }
    assert not slow, f"silent beyond the time-out of {timeout_s} s: {slow}"


def report(kinds: dict[str, str], outcome: Outcome) -> None:
    names = ["done", "partial", "failed", "timed out"]
    print(f"{'damage':<22}{'files':>6}" + "".join(f"{name:>10}" for name in names) + f"{'slowest s':>11}")
    total: Counter[str] = Counter()
    for kind in dict.fromkeys(kinds.values()):
        mine = [name for name in kinds if kinds[name] == kind]
        found = Counter(
            "timed out" if "was killed" in outcome.reason.get(n, "") else VideoStatus(outcome.status[n]).name.lower()
            for n in mine
            if n in outcome.status
        )
        total += found
        slowest = max((sum(total for total, _ in outcome.spent.get(n, [])) for n in mine), default=0.0)
        print(f"{kind:<22}{len(mine):>6}" + "".join(f"{found[name]:>10}" for name in names) + f"{slowest:>11.2f}")
    print(f"{'all':<22}{len(kinds):>6}" + "".join(f"{total[name]:>10}" for name in names))
    reasons = Counter(plain(name, reason) for name, reason in outcome.reason.items() if reason)
    for reason, count in reasons.most_common():
        print(f"{count:>5}  {reason}")


def plain(name: str, reason: str) -> str:
    """A reason with its path and numbers replaced, so that alike ones count as one."""
    reason = re.sub(r"\S*" + re.escape(name), "FILE", reason.replace("\n", " "))
    reason = re.sub(r"/\S*?/[^/]*" + re.escape(name), "FILE", reason)
    return re.sub(r"\d+(, \d+)*( and \d+ more)?(\.\d+)?", "N", reason)[:150]


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[3:], Path(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="where the damaged files go, a new folder")
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds without an answer of a decoder")
    parser.add_argument("--decoders", type=int, default=1)
    parser.add_argument("--limit", type=float, default=3000.0, help="seconds after which the whole run is given up")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch) / "videos"
        folder.mkdir(parents=True)
        kinds = make_files(folder, options.n, seed=options.seed)
        outcome = run(
            folder,
            Path(scratch),
            timeout_s=options.timeout,
            decoders=options.decoders,
            limit_s=options.limit,
        )
        print(
            f"{len(kinds)} files, {options.decoders} decoder process, time-out {options.timeout:g} s, "
            f"{os.cpu_count()} cores, av {av.__version__}: exit code {outcome.code} after {outcome.seconds:.0f} s, "
            f"largest process {outcome.peak / 2**20:.0f} MiB"
        )
        report(kinds, outcome)
        check(kinds, outcome, timeout_s=options.timeout)
        print(
            "as it should be: ended by itself, every file recorded, every failure with a reason, no silence beyond time"
        )


if __name__ == "__main__":
    main()
