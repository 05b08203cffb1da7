"""The store: what writing costs, and what chosen heads cost to read: `python benchmarks/store.py`, one run, two tables.

    python benchmarks/store.py [--segments 24] [--rows 10000] [--prompts 2] [--threads N]

Writing: the share of an extraction's time that it waits for the writer and spends on the tables, and that of the
writer's thread beside the model (encoding, writing, waiting for the disk), with a model of InternVL's classes and at
least 40 M parameters with random weights, loading left out.
Reading: five heads in five layers over all rows, InternVL3-8B's 28 layers x 28 heads x 128 channels in float16, from
the store and from the same numbers in one chunk a segment (all its prompts and layers, the same codec), each chunk
read once. Each is read cold (its files dropped from the system's cache) and warm (best of three); the processor time
of all threads, user and system, is the least of the warm ones and depends less on what else runs. Bytes are those
that the process really read from files. The two lie on the disk one after the other; each takes 2 GB a prompt.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headhunt import store as stores
from headhunt.fingerprint import Fingerprint
from headhunt.records import Head, ManifestRow, ModelSpec, Segment
from headhunt.store import SHARD_ROWS, PlannedVideo, ShardWriter, Store

LAYERS, HEADS, CHANNELS = 28, 28, 128
CHOSEN = (Head(3, 20), Head(11, 4), Head(16, 9), Head(21, 27), Head(26, 0))


class Clock:
    """Seconds by name; a part inside another part of the same thread counts for the outer one only."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._here = threading.local()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count a block's seconds."""
        if getattr(self._here, "inside", False):
            yield
            return
        self._here.inside, begin = True, time.perf_counter()
        try:
            yield
        finally:
            self._here.inside = False
            self.spent[name] = self.spent.get(name, 0.0) + time.perf_counter() - begin

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, counted."""

        def run(*args: Any, **options: Any) -> Any:
            with self.part(name):
                return function(*args, **options)

        return run


def writing(folder: Path, n_segments: int, threads: int) -> None:
    import torch

    from headhunt.demo import world
    from headhunt.models import random as embedded
    from headhunt.stages import extract as stage
    from headhunt.stages.extract import ExtractConfig, extract, prepare

    torch.set_num_threads(threads)
    (folder / "model").mkdir()
    embedded.build(
        folder / "model",
        hidden=512,
        layers=16,
        heads=8,
        image_size=224,
        vision={"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 6, "num_attention_heads": 4},
        options={"intermediate_size": 1536},
    )
    (folder / "videos").mkdir()
    plan = world.plan_video(1, kind="normal", duration_s=max(10.0, 48 * n_segments / 25))
    world.write_video(plan, folder / "videos" / "1.mp4")
    config = ExtractConfig(model=str(folder / "model"), units="segment", batch_size=4)
    run = prepare(config)
    clock = Clock()

    class Clocked(ShardWriter):
        __init__ = clock.around("writer, while the model waits", ShardWriter.__init__)  # type: ignore[assignment]
        add = clock.around("writer, while the model waits", ShardWriter.add)
        fail = clock.around("writer, while the model waits", ShardWriter.fail)
        flush = clock.around("writer, while the model waits", ShardWriter.flush)
        _write = clock.around("writer, in its thread", ShardWriter._write)

    stage.prepare = lambda _config: run  # type: ignore[assignment]  # loaded already
    stage.ShardWriter = Clocked  # type: ignore[misc]
    for name in ("create", "plan", "finish"):
        setattr(stage, name, clock.around("tables: create, plan, finish", getattr(stage, name)))
    begin = time.perf_counter()
    rows = extract([folder / "videos"], folder / "store.zarr", config).rows_done
    total = time.perf_counter() - begin
    parameters = sum(p.numel() for p in run.backbone.model.parameters()) / 1e6
    print(f"writing: {parameters:.0f} M parameters, 16 x 8 heads, 5 prompts, {rows} segments, {threads} threads")
    print(f"{'':<30}{'s':>8}{'share':>8}")
    print(f"{'whole extraction':<30}{total:>8.2f}{1:>8.1%}")
    for name, seconds in clock.spent.items():
        print(f"{name:<30}{seconds:>8.2f}{seconds / total:>8.1%}")


class Traffic:
    """Files opened below a folder and bytes read by this process, from one `start` to the next `stop`."""

    def __init__(self) -> None:
        self.folder, self.opened, self.bytes, self._before = "\0", set[str](), 0, 0
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and str(arguments[0]).startswith(self.folder):
            self.opened.add(str(arguments[0]))

    def start(self, folder: Path) -> None:
        """Count from now on."""
        self.opened, self.folder, self._before = set(), str(folder), self._read()

    def stop(self) -> None:
        """Count no more."""
        self.bytes, self.folder = self._read() - self._before, "\0"

    @staticmethod
    def _read() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])  # rchar: what read() gave, cached or not


@dataclass(frozen=True)
class Reading:
    """What reading the chosen heads took from one layout."""

    cold_s: float
    warm_s: float
    cpu_s: float
    chunk_files: int
    read: int
    stored: int
    heads: np.ndarray


def forget(folder: Path) -> int:
    """Have the system drop the files of a folder from its cache; returns their size."""
    os.sync()
    total = 0
    for file in folder.rglob("*"):
        if file.is_file():
            total += file.stat().st_size
            with file.open("rb") as stream:
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return total


def measure(folder: Path, traffic: Traffic, read: Callable[[], np.ndarray]) -> Reading:
    stored = forget(folder)
    traffic.start(folder)
    begin = time.perf_counter()
    heads = read()
    cold = time.perf_counter() - begin
    traffic.stop()
    warm, cpu = [], []
    for _ in range(3):
        begin, used = time.perf_counter(), time.process_time()
        read()
        warm.append(time.perf_counter() - begin)
        cpu.append(time.process_time() - used)
    files = sum(Path(name).name != "zarr.json" for name in traffic.opened)
    return Reading(cold, min(warm), min(cpu), files, traffic.bytes, stored, heads)


def blocks(n_prompts: int, n_rows: int) -> Iterator[np.ndarray]:
    """float16 (256, p, l, h, d) a shard: noise of another size in each channel, as activations are."""
    rng = np.random.default_rng(0)
    shape = (SHARD_ROWS, n_prompts, LAYERS, HEADS, CHANNELS)
    scale = np.exp(rng.normal(-1.0, 1.0, shape[2:])).astype(np.float32)
    block = np.empty(shape, np.float16)
    for row in range(SHARD_ROWS):
        block[row] = rng.standard_normal(shape[1:], dtype=np.float32) * scale
    for first in range(0, n_rows, SHARD_ROWS):
        yield np.roll(block, first // SHARD_ROWS, axis=0)[: n_rows - first]


def ours(folder: Path, n_prompts: int, n_rows: int) -> Callable[[], np.ndarray]:
    prompts = [{"id": f"p{i}", "text": "?"} for i in range(n_prompts)]
    spec = ModelSpec(layers=LAYERS, heads=HEADS, head_dim=CHANNELS, hidden=HEADS * CHANNELS)
    fingerprint = Fingerprint.from_json({"prompts": prompts, "heads": "all", "weights": "none", "dtype": "float16"})
    store = stores.create(folder, fingerprint=fingerprint, spec=spec, info={})
    rows = tuple(Segment("1.mp4", 48 * i, 48 * i + 48) for i in range(n_rows))
    times = np.array([[r.start_frame / 25, r.end_frame / 25] for r in rows])
    n = 48 * n_rows
    store = stores.plan(store, [PlannedVideo(ManifestRow("1.mp4"), n, 25.0, n / 25, 1, rows, times)])
    for shard, block in enumerate(blocks(n_prompts, n_rows)):
        with stores.claim_shard(store, shard):
            writer = ShardWriter(store, shard, flush_s=1e9)
            writer.add(range(shard * SHARD_ROWS, shard * SHARD_ROWS + len(block)), block, None)  # type: ignore[arg-type]
            writer.flush()
    return lambda: Store(folder).heads(np.arange(n_rows), CHOSEN, prompt=Store(folder).prompts[0])


def row_chunks(folder: Path, n_prompts: int, n_rows: int) -> Callable[[], np.ndarray]:
    import zarr
    from zarr.codecs import BloscCodec, Crc32cCodec

    array: Any = zarr.create_array(
        str(folder),
        shape=(n_rows, n_prompts, LAYERS, HEADS, CHANNELS),
        chunks=(1, n_prompts, LAYERS, HEADS, CHANNELS),
        dtype="float16",
        compressors=[BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"), Crc32cCodec()],
    )
    for shard, block in enumerate(blocks(n_prompts, n_rows)):
        array[shard * SHARD_ROWS : shard * SHARD_ROWS + len(block)] = block
    layers, heads = [h.layer for h in CHOSEN], [h.head for h in CHOSEN]

    def read() -> np.ndarray:
        out = np.empty((n_rows, len(CHOSEN), CHANNELS), np.float32)
        for first in range(0, n_rows, SHARD_ROWS):
            out[first : first + SHARD_ROWS] = array[first : first + SHARD_ROWS, 0][:, layers, heads]
        return out

    return read


def reading(folder: Path, n_prompts: int, n_rows: int) -> None:
    traffic = Traffic()
    found: dict[str, Reading] = {}
    for name, make in (("one chunk a segment", row_chunks), ("store", ours)):
        place = folder / "features"
        found[name] = measure(place, traffic, make(place, n_prompts, n_rows))
        shutil.rmtree(place)
    a, b = found["one chunk a segment"], found["store"]
    assert np.array_equal(a.heads, b.heads)
    raw = n_rows * n_prompts * LAYERS * HEADS * CHANNELS * 2
    print(
        f"reading: {len(CHOSEN)} heads in {len({h.layer for h in CHOSEN})} of {LAYERS} layers, "
        f"1 of {n_prompts} prompts, {n_rows} rows of {LAYERS} x {HEADS} x {CHANNELS}, {raw / 1e9:.2f} GB uncompressed"
    )
    print(f"{'':<22}{'cold s':>8}{'warm s':>8}{'CPU s':>8}{'files':>8}{'MB read':>9}{'MB stored':>11}{'read':>8}")
    for name, r in found.items():
        times = f"{r.cold_s:>8.2f}{r.warm_s:>8.2f}{r.cpu_s:>8.2f}"
        sizes = f"{r.chunk_files:>8}{r.read / 1e6:>9.0f}{r.stored / 1e6:>11.0f}{r.read / r.stored:>8.1%}"
        print(f"{name:<22}{times}{sizes}")
    needed = len({h.layer for h in CHOSEN}) / LAYERS / n_prompts
    print(f"the chosen layers of one prompt are {needed:.1%} of the numbers; the same values come from both")
    ratios = (
        f"{a.cold_s / b.cold_s:.1f} x cold, {a.warm_s / b.warm_s:.1f} x warm, {a.cpu_s / b.cpu_s:.1f} x in CPU time"
    )
    print(f"speed-up {ratios}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=24, help="segments of the extraction, 0 leaves it out")
    parser.add_argument("--rows", type=int, default=10_000, help="rows that are read")
    parser.add_argument("--prompts", type=int, default=2, help="prompts of the rows that are read, 2 GB each")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as scratch:
        reading(Path(scratch), options.prompts, options.rows)
        if options.segments:
            writing(Path(scratch), options.segments, options.threads)


if __name__ == "__main__":
    main()
