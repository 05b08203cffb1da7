"""Extraction against the loop that the method's published code uses, on one model and the same videos.

    python benchmarks/extract.py [--segments N] [--published N] [--repeats N] [--threads N] [--compile]

Baseline, written from its description: the video is opened and decoded again for each segment, `generate` makes one
token for each prompt with hooks on every layer that keep the last position of o_proj's input, and one pickle is written
a video; it is timed on the first segments of each video and scaled to all. Ours is `headhunt.stages.extract` into a new
store, model loading left out on both sides. Beside it stands the pure forward: the same passes over the same batches,
frames already in memory, nothing decoded, nothing written. The model has InternVL's classes and at least 40 M
parameters with random weights; times depend on its shape, not on its weights. The predicted ratio is that of the matrix
products on both sides as torch counts them, vision tower included: the published loop takes frames and every layer of
the whole input again for each prompt, ours needs the last layer only where it is read. With --compile the pure forward
is timed again with the layers that `vadkit extract --compile` compiles; compiling is left out and shown on its own.
"""

from __future__ import annotations

import argparse
import os
import pickle
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from headhunt import models, segments
from headhunt.demo import world
from headhunt.extraction.activations import Extractor
from headhunt.extraction.costs import operations
from headhunt.extraction.preparation import prepare
from headhunt.models import random as embedded
from headhunt.models.compiled import compile_layers
from headhunt.stages import extract as stage
from headhunt.stages.extract import ExtractConfig, extract

HIDDEN, LAYERS, HEADS, SIZE, BATCH = 512, 16, 8, 224, 4
VISION = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 6, "num_attention_heads": 4}


def baseline(
    backbone: Any, paths: list[Path], ids: list[list[int]], out: Path, first: int
) -> tuple[float, list[np.ndarray]]:
    """Seconds a segment of the published loop, over the `first` segments of each video.

    Also the frames (16, 3, height, width) uint8 of every segment, for the pure forward.
    """
    every: list[np.ndarray] = []
    seconds, timed = 0.0, 0
    kept: dict[int, torch.Tensor] = {}
    handles = [
        layer.self_attn.o_proj.register_forward_pre_hook(
            lambda _m, args, i=i: kept.__setitem__(i, args[0][:, -1].clone())
        )
        for i, layer in enumerate(backbone.decoder.layers)
    ]
    for path in paths:
        with av.open(str(path)) as container:
            n_frames = sum(1 for _ in container.decode(video=0))
        rows = []
        for index, interval in enumerate(segments.plan_segments(n_frames)):
            begin = time.perf_counter()
            wanted = segments.sample_frames(interval).tolist()
            found = {}
            with av.open(str(path)) as container:
                for number, frame in enumerate(container.decode(video=0)):
                    if number in wanted:
                        found[number] = backbone.preprocess.resize(frame.to_ndarray(format="rgb24"))
                    if number >= wanted[-1]:
                        break
            every.append(np.stack([found[number] for number in wanted]))
            if index >= first:
                continue
            pixels = backbone.preprocess.normalize(torch.from_numpy(every[-1]))
            for prompt in ids:
                row = torch.tensor([prompt])
                with torch.inference_mode():
                    backbone.model.generate(
                        input_ids=row,
                        attention_mask=torch.ones_like(row),
                        pixel_values=pixels,
                        max_new_tokens=1,
                        do_sample=False,
                    )
                rows.append({i: value.numpy() for i, value in kept.items()})
            seconds += time.perf_counter() - begin
            timed += 1
        begin = time.perf_counter()
        with (out / f"{path.stem}.pkl").open("wb") as stream:
            pickle.dump(rows, stream)
        seconds += time.perf_counter() - begin
    for handle in handles:
        handle.remove()
    return seconds / timed, every


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=18, help="segments a video; there are two videos")
    parser.add_argument("--published", type=int, default=18, help="segments a video the published loop is timed on")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--compile", action="store_true", help="also the pure forward with compiled layers")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "model").mkdir()
        embedded.build(
            folder / "model",
            hidden=HIDDEN,
            layers=LAYERS,
            heads=HEADS,
            image_size=SIZE,
            vision=VISION,
            options={"intermediate_size": 3 * HIDDEN},
        )
        (folder / "videos").mkdir()
        seconds = max(10.0, 48 * options.segments / 25)
        paths = [
            world.write_video(
                world.plan_video(seed, kind="normal", duration_s=seconds), folder / "videos" / f"{seed}.mp4"
            )
            for seed in (1, 2)
        ]
        config = ExtractConfig(model=str(folder / "model"), units="segment", batch_size=BATCH)
        run = prepare(config)
        stage.prepare = lambda _config: run  # type: ignore[assignment]  # loaded once, as the baseline's
        backbone: Any = run.backbone
        questions = run.extractor.questions
        ids = questions.ids(questions.grid)
        parameters = sum(p.numel() for p in backbone.model.parameters()) / 1e6
        times: dict[str, list[float]] = {"published loop": [], "vadkit": [], "pure forward": []}
        rows = 0
        for repeat in range(options.repeats):
            a_segment, every = baseline(backbone, paths, ids, folder, options.published)
            times["published loop"].append(a_segment * len(every))
            begin = time.perf_counter()
            rows = extract([folder / "videos"], folder / f"{repeat}.zarr", config).rows_done
            times["vadkit"].append(time.perf_counter() - begin)
            begin = time.perf_counter()
            for low in range(0, len(every), BATCH):
                run.extractor(np.stack(every[low : low + BATCH]))
            times["pure forward"].append(time.perf_counter() - begin)
        compile_s = 0.0
        if options.compile:
            begin = time.perf_counter()
            compile_layers(backbone)
            run.extractor(np.stack(every[:BATCH]))
            compile_s = time.perf_counter() - begin
            times["compiled forward"] = []
            for _ in range(options.repeats):
                begin = time.perf_counter()
                for low in range(0, len(every), BATCH):
                    run.extractor(np.stack(every[low : low + BATCH]))
                times["compiled forward"].append(time.perf_counter() - begin)
        published = Extractor(backbone, questions, sharing="full")
        published.narrow = None
        apart = operations(published).times(units=16 * len(ids), rows=1).total
        shared = operations(run.extractor).times(units=16, rows=1).total
        best = {name: min(values) for name, values in times.items()}
        ratio = best["published loop"] / best["vadkit"]
        print(
            f"{parameters:.0f} M parameters, {LAYERS} x {HEADS} heads, {len(run.tokens.prefix)} shared tokens, "
            f"{len(ids)} prompts, {rows} segments, {options.threads} threads, {models.pick_device('cpu')}"
        )
        for name, values in times.items():
            print(f"{name:16} {best[name] / rows:8.3f} s a segment   (spread {statistics.pstdev(values) / rows:.3f})")
        if options.compile:
            gain = best["pure forward"] / best["compiled forward"]
            print(f"compiled layers make the pure forward {gain:.2f} x as fast; compiling took {compile_s:.0f} s")
        print(f"end to end against the pure forward {best['vadkit'] / best['pure forward']:.3f} x")
        print(
            f"speed-up {ratio:.2f} x; operations predict {apart / shared:.2f} x; reached {ratio / (apart / shared):.2f}"
        )


if __name__ == "__main__":
    main()
