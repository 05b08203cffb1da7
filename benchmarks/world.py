"""Speed of the synthetic world: `python benchmarks/world.py [--seconds S] [--size 192x144]`, one process, one table.

Rendered only, and rendered and encoded as H.264, in frames a second for each place, mean over normal and abnormal.
Set OMP_NUM_THREADS=1 to measure one core.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from headhunt.demo.world import PLACES, WorldConfig, plan_video, render_blocks, write_video

SEEDS = (0, 1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each video")
    parser.add_argument("--size", default="192x144", help="WIDTHxHEIGHT")
    args = parser.parse_args()
    width, height = (int(n) for n in args.size.split("x"))
    config = WorldConfig(width=width, height=height)
    print(
        f"{width}x{height}, {config.fps} fps, {len(SEEDS)} normal and {len(SEEDS)} abnormal videos of {args.seconds} s"
    )
    print(f"{'place':<10} {'actors':>6} {'rendered':>10} {'and encoded':>12} {'kbit/s':>7}")
    for place in PLACES:
        plans = [
            plan_video(seed, kind=kind, camera=place, duration_s=args.seconds, config=config)
            for seed in SEEDS
            for kind in ("normal", "abnormal")
        ]
        frames = sum(plan.n_frames for plan in plans)
        start = time.perf_counter()
        for plan in plans:
            for _ in render_blocks(plan):
                pass
        rendered = time.perf_counter() - start
        size = 0
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            for plan in plans:
                size += write_video(plan, Path(folder) / "video.mp4").stat().st_size
        encoded = time.perf_counter() - start
        actors = sum(len(plan.actors) for plan in plans) / len(plans)
        rate = size * 8 / 1000 / (frames / config.fps)
        print(f"{place:<10} {actors:>6.1f} {frames / rendered:>10.0f} {frames / encoded:>12.0f} {rate:>7.0f}")


if __name__ == "__main__":
    main()
