"""Extraction killed again and again: `python benchmarks/kills.py [--n 50] [--flush-s 1]`, one run, one table.

An extraction with a decoder process is killed by signal 9 at a random moment and started again, up to five times a
store, and then left to finish. Every other kill takes the decoder along; the others leave it to notice by itself.
Each row that a process computes is logged from inside it, so the table can say what was lost and what was done twice.
It fails unless every store ends byte for byte as one that was never disturbed, no row that was finished before a kill
is computed after it, and no kill costs more than 30 s of work. Work is begun to be written `flush-s` seconds after it
is done at the latest, and safe when that write ends.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from headhunt.demo import world
from headhunt.demo.world import WorldConfig
from headhunt.models import random as embedded
from headhunt.store import Store

KILLS_A_STORE = 5
LENGTH, N_FRAMES, BATCH = 8, 2, 4
MOST_LOST_S = 30.0


def serve(videos: Path, model: str, flush_s: float) -> None:
    """For each line `STORE LOG DELAY WHOLE` extract in a forked child; kill it after DELAY seconds, if that is >= 0.

    Forking from a process that has the libraries loaded makes a run short, so that kills fall into the work. Answers
    with the child's wait status and the time of the kill.
    """
    import torch
    import transformers

    from headhunt.extraction.passes import Passes
    from headhunt.stages.extract import ExtractConfig, extract

    transformers.AutoModelForImageTextToText  # noqa: B018 - load the lazy modules before the first fork
    torch.set_num_threads(1)
    run, keep = Passes._run, Passes._keep
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        store, log, delay, whole = line.split()
        child = os.fork()
        if child == 0:

            def begun(self, batch):  # type: ignore[no-untyped-def]
                self.begun = time.monotonic()
                return run(self, batch)

            def logged(self, batch, out, log=log):  # type: ignore[no-untyped-def]
                done = keep(self, batch, out)
                with Path(log).open("a") as stream:
                    stream.write(json.dumps([self.begun, time.monotonic(), [row for row, _ in batch]]) + "\n")
                return done

            Passes._run, Passes._keep = begun, logged  # type: ignore[method-assign]
            try:
                config = ExtractConfig(
                    model=model,
                    units="segment",
                    length=LENGTH,
                    n_frames=N_FRAMES,
                    batch_size=BATCH,
                    flush_s=flush_s,
                    decoders=1,
                )
                extract([videos], Path(store), config)
                os._exit(0)
            except BaseException as error:
                sys.stderr.write(f"{error!r}\n")
                sys.stderr.flush()
                os._exit(1)
        at = 0.0
        if float(delay) >= 0:
            time.sleep(float(delay))
            below = children(child)
            os.kill(child, signal.SIGKILL)
            at = time.monotonic()
            for pid in below if whole == "1" else ():
                os.kill(pid, signal.SIGKILL)
            orphans = 0
            for pid in below:
                if not gone(pid):
                    orphans += 1
        else:
            orphans = 0
        sys.stdout.write(f"{os.waitpid(child, 0)[1]} {at} {orphans}\n")
        sys.stdout.flush()


def children(pid: int) -> list[int]:
    try:
        return [int(c) for t in Path(f"/proc/{pid}/task").iterdir() for c in (t / "children").read_text().split()]
    except OSError:
        return []


def gone(pid: int, seconds: float = 20.0) -> bool:
    """Whether a process ends by itself within some seconds; one that waits to be collected has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


@dataclass
class Tally:
    """What the kills did.

    Attributes:
        moments: How many kills fell before the first row was safe, in between, and after the last.
        computed: Rows computed, over all runs.
        lost: For each kill, rows computed but not safe.
        lost_s: For each kill, seconds since the first of those was begun.
        again: Rows computed though they were safe.
        orphans: Decoders that outlived their parent by 20 s.
        unequal: Stores that differ from the undisturbed one.
    """

    moments: list[int] = field(default_factory=lambda: [0, 0, 0])
    computed: int = 0
    lost: list[int] = field(default_factory=list)
    lost_s: list[float] = field(default_factory=list)
    again: int = 0
    orphans: int = 0
    unequal: int = 0


def finished(store: Path) -> set[int]:
    # What a store's folder holds before its root is written is an unfinished beginning.
    return set(Store(store).segments().done().row.tolist()) if (store / "zarr.json").is_file() else set()


def content(store: Path) -> dict[str, bytes]:
    root = Store(store).root
    arrays = {f"features/{name}": array for name, array in root["features"].arrays()}
    arrays |= {f"segments/{name}": root[f"segments/{name}"] for name in ("video", "start_frame", "end_frame", "status")}
    return {name: np.ascontiguousarray(array[...]).tobytes() for name, array in arrays.items()}


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--flush-s", type=float, default=1.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "model").mkdir()
        embedded.build(folder / "model", layers=4, heads=4, hidden=64, image_size=56)
        (folder / "videos").mkdir()
        for seed in range(3):
            plan = world.plan_video(seed, kind="normal", duration_s=40, config=WorldConfig(width=96, height=72))
            world.write_video(plan, folder / "videos" / f"{seed}.mp4")
        report(folder, options.n, random.Random(options.seed), options.flush_s)


def report(folder: Path, n: int, chance: random.Random, flush_s: float) -> None:
    command = [sys.executable, __file__, "--serve", str(folder / "videos"), str(folder / "model"), str(flush_s)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HF_HUB_OFFLINE": "1"}
    tally, log = Tally(), folder / "log"
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment
    ) as server:

        def run(store: Path, delay: float, *, whole: bool) -> tuple[int, float, list[tuple[float, float, list[int]]]]:
            assert server.stdin is not None
            assert server.stdout is not None
            log.write_text("")
            server.stdin.write(f"{store} {log} {delay} {whole:d}\n")
            status, at, orphans = server.stdout.readline().split()
            tally.orphans += int(orphans)
            lines = [line for line in log.read_text().split("\n") if line.endswith("]]")]
            return int(status), float(at), [tuple(json.loads(line)) for line in lines]

        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        begin = time.monotonic()
        assert run(folder / "whole.zarr", -1, whole=True)[0] == 0
        duration = time.monotonic() - begin
        expected, total = content(folder / "whole.zarr"), len(finished(folder / "whole.zarr"))
        stores, kills_here = 0, 0
        for kill in range(n):
            store = folder / f"{stores}.zarr"
            before = finished(store)
            _, at, batches = run(store, chance.uniform(0.1, 1.0) * duration, whole=kill % 2 == 0)
            safe = finished(store)
            rows = [row for _, _, some in batches for row in some]
            tally.computed += len(rows)
            tally.again += len(before.intersection(rows)) + len(before - safe)
            lost = [start for start, _, some in batches if not safe.issuperset(some)]
            tally.lost.append(len(set(rows) - safe))
            tally.lost_s.append(at - min(lost) if lost else 0.0)
            tally.moments[0 if not safe else 2 if len(safe) == total else 1] += 1
            kills_here += 1
            if kills_here == KILLS_A_STORE or len(safe) == total or kill == n - 1:
                status, _, batches = run(store, -1, whole=True)
                rows = [row for _, _, some in batches for row in some]
                tally.computed += len(rows)
                tally.again += len(safe.intersection(rows))
                tally.unequal += status != 0 or content(store) != expected
                stores, kills_here = stores + 1, 0
        assert server.stdin is not None
        server.stdin.close()
    print(
        f"{os.cpu_count()} cores; {total} rows in {-(-total // 256)} shards, {duration:.1f} s undisturbed; "
        f"flushed every {flush_s:g} s; {n} kills of {stores} stores"
    )
    lines = {
        "kills before the first row was safe": tally.moments[0],
        "kills in the middle": tally.moments[1],
        "kills after the last row was safe": tally.moments[2],
        "rows computed in all runs": tally.computed,
        "rows needed": total * stores,
        "rows lost in a kill, mean": round(float(np.mean(tally.lost)), 1),
        "rows lost in a kill, most": max(tally.lost),
        "work lost in a kill, seconds, mean": round(float(np.mean(tally.lost_s)), 2),
        "work lost in a kill, seconds, most": round(max(tally.lost_s), 2),
        "finished rows computed again": tally.again,
        "decoders that outlived their parent": tally.orphans,
        "stores unlike the undisturbed one": tally.unequal,
    }
    for name, value in lines.items():
        print(f"{name:<38}{value:>8}")
    assert not tally.again
    assert not tally.orphans
    assert not tally.unequal
    assert max(tally.lost_s) <= MOST_LOST_S


if __name__ == "__main__":
    main()
