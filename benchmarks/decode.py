"""Decoding: `python benchmarks/decode.py [--seconds 120] [--processes 2]`, one run, one table; or its memory.

    python benchmarks/decode.py --memory [--minutes 60]

Frames a second, frames of the video that is covered by segments of 48 frames, 16 of them resized to 448 x 448 each.
Baseline: one process that opens the file again and seeks for every segment. Ours: one pass over the video in a thread,
and in decoder processes, whose start is in the first number: how long the first segment takes. All give the same
pixels, which is checked by their sums.

With --memory: the most memory that `vadkit extract` and its decoder processes hold together (resident, sampled every
20 ms) over a video of so many minutes at 1280x720, against one of a minute, with a tiny model with random weights.
Long videos are made of one encoded stretch of ten seconds, repeated with new times.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np

from headhunt import segments, video
from headhunt.demo import world
from headhunt.demo.world import WorldConfig
from headhunt.extraction.decoders import Decoders, Task
from headhunt.models import Preprocess
from headhunt.models import random as embedded

SIZES = ((160, 120), (1280, 720))
TILE = Preprocess(448, 448, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bicubic")
FPS, STRETCH_S = 25, 10
AHEAD = 8


def stretch(folder: Path, size: tuple[int, int]) -> Path:
    plan = world.plan_video(
        1, kind="normal", duration_s=STRETCH_S, config=WorldConfig(width=size[0], height=size[1], fps=FPS)
    )
    return world.write_video(plan, folder / f"{size[0]}x{size[1]}.mp4")


def repeated(source: Path, path: Path, seconds: int) -> Path:
    """The same packets again and again, each time later, until the video is so long."""
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        given = old.streams.video[0]
        out = new.add_stream_from_template(given)
        kept = [(bytes(p), p.pts, p.dts, p.is_keyframe) for p in old.demux(given) if p.size]
        assert given.time_base is not None
        step = round(len(kept) / FPS / given.time_base)
        for turn in range(max(1, seconds // STRETCH_S)):
            for data, pts, dts, key in kept:
                packet = av.Packet(data)
                packet.pts, packet.dts = pts + turn * step, dts + turn * step
                packet.time_base, packet.is_keyframe, packet.stream = given.time_base, key, out
                new.mux(packet)
    return path


def task(path: Path) -> Task:
    n = video.probe(path).n_frames
    groups = [tuple(segments.sample_frames(interval).tolist()) for interval in segments.plan_segments(n)]
    return Task(path, n, tuple(range(len(groups))), tuple(groups))


def seeking(tasks: list[Task]) -> Iterator[np.ndarray]:
    """Open and seek for every segment."""
    for one in tasks:
        for group in one.groups:
            found = {}
            with av.open(str(one.path)) as container:
                stream = container.streams.video[0]
                assert stream.time_base is not None
                container.seek(round(group[0] / FPS / stream.time_base), stream=stream)
                for frame in container.decode(stream):
                    number = round((frame.pts or 0) * stream.time_base * FPS)
                    if number in group:
                        found[number] = TILE.resize(frame.to_ndarray(format="rgb24"))
                    if number >= group[-1]:
                        break
            yield np.stack([found[number] for number in group])


def ours(processes: int) -> Callable[[list[Task]], Iterator[np.ndarray]]:
    def run(tasks: list[Task]) -> Iterator[np.ndarray]:
        with Decoders(processes, 600.0) as decoders:
            for _, pixels in decoders.frames(tasks, TILE, ahead=AHEAD):
                assert isinstance(pixels, np.ndarray), pixels
                yield pixels

    return run


def speed(folder: Path, seconds: int, processes: int, repeats: int) -> None:
    import torch

    torch.set_num_threads(1)  # as in the decoder processes
    ways = {"open and seek a segment": seeking, "one pass, thread": ours(0), "one pass, 1 process": ours(1)}
    if processes > 1:
        ways[f"one pass, {processes} processes"] = ours(processes)
    print(f"{os.cpu_count()} cores, H.264, {processes} videos of {seconds} s, key frame every 2 s, best of {repeats}")
    print(f"{'size':<10} {'way':<26}{'first s':>9}{'frames/s':>10}{'ratio':>7}{'after the first':>17}{'ratio':>7}")
    for size in SIZES:
        source = stretch(folder, size)
        tasks = [task(repeated(source, folder / f"{i}.mp4", seconds)) for i in range(processes)]
        n, n_rows = sum(one.frames for one in tasks), sum(len(one.rows) for one in tasks)
        base: tuple[float, float] | None = None
        first: list[int] | None = None
        for name, way in ways.items():
            best = (float("inf"), 0.0)
            for _ in range(repeats):
                digest, begin, start = [], time.perf_counter(), 0.0
                for pixels in way(tasks):
                    start = start or time.perf_counter() - begin
                    digest.append(int(pixels.sum(dtype=np.int64)))
                best = min(best, (time.perf_counter() - begin, start))
            first = digest if first is None else first
            assert digest == first, name
            rate, after = n / best[0], n * (1 - 1 / n_rows) / (best[0] - best[1])
            base = base or (rate, after)
            numbers = f"{best[1]:>9.2f}{rate:>10.0f}{rate / base[0]:>7.2f}{after:>17.0f}{after / base[1]:>7.2f}"
            print(f"{size[0]}x{size[1]:<6} {name:<26}{numbers}", flush=True)


def held(pid: int) -> int:
    """Resident bytes of a process and all below it; 0 where it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        below = [int(c) for t in Path(f"/proc/{pid}/task").iterdir() for c in (t / "children").read_text().split()]
    except (OSError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(map(held, below))


def memory(folder: Path, minutes: int) -> None:
    (folder / "model").mkdir()
    embedded.build(folder / "model", layers=2, heads=2, hidden=16, image_size=28)
    source = stretch(folder, (1280, 720))
    print(f"{os.cpu_count()} cores, 1280x720 H.264 at {FPS} fps, 1 decoder process")
    print(f"{'minutes':>8}{'frames':>8}{'segments':>10}{'s':>8}{'peak MiB':>10}{'ratio':>7}")
    base = 0
    for length in (1, minutes):
        path = repeated(source, folder / f"{length}.mp4", 60 * length)
        command = [sys.executable, "-m", "vadkit", "extract", str(path), "--store", str(folder / f"{length}.zarr")]
        command += ["--model", str(folder / "model"), "--units", "segment", "--decoders", "1", "--device", "cpu"]
        begin, peak = time.perf_counter(), 0
        with subprocess.Popen([*command, "--offline", "--json"], stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                peak = max(peak, held(process.pid))
                time.sleep(0.02)
        assert process.returncode == 0
        base = base or peak
        n = 60 * length * FPS
        print(
            f"{length:>8}{n:>8}{len(segments.plan_segments(n)):>10}{time.perf_counter() - begin:>8.0f}"
            f"{peak / 2**20:>10.0f}{peak / base:>7.3f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=120, help="length of each video")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--memory", action="store_true", help="measure memory instead of speed")
    parser.add_argument("--minutes", type=int, default=60, help="length of the long video")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if options.memory:
            memory(Path(scratch), options.minutes)
        else:
            speed(Path(scratch), options.seconds, options.processes, options.repeats)


if __name__ == "__main__":
    main()
