"""Extraction at InternVL3-8B's true shapes: `python benchmarks/gpu.py [--segments 64]`, one run, one table.

    python benchmarks/gpu.py --device cpu --small       the same code on tiny shapes, to prove that it runs

Random weights are made on the device in bfloat16 (float32 on a CPU), nothing is read from disk. Rendered videos are
extracted with 16 frames and five prompts a segment; each word of a prompt is one token. Times inside the model are
CUDA events, read after the batch is back on the host, so that measuring does not hold the device up; `decode` is
what the model waits for its decoders, `write` what it waits for the writer, `other` is what is left of the whole.
Operations are counted as a dry run does: matrix products, masked positions too, no logits. The ceiling is the best
square matrix product of the same dtype in the same run. One batch runs before the clock starts.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from headhunt import models, prompts
from headhunt.demo import world
from headhunt.demo.world import WorldConfig
from headhunt.extraction import activations
from headhunt.extraction.costs import operations
from headhunt.extraction.decoders import Decoders
from headhunt.extraction.passes import Passes
from headhunt.extraction.preparation import prepare
from headhunt.models import Preprocess
from headhunt.models import random as embedded
from headhunt.models.families.internvl import InternVL
from headhunt.stages import extract as stage
from headhunt.stages.extract import ExtractConfig, extract
from headhunt.store import ShardWriter

N_FRAMES, SEGMENT = 16, 48
MODEL_PARTS, HOST_PARTS = ("vision", "prefix", "suffix"), ("decode", "write")


@dataclass(frozen=True)
class Shapes:
    """Sizes of a model, as its configuration names them."""

    image_size: int
    vision: dict[str, Any]
    text: dict[str, Any]
    ceiling: int  # side of the square matrices whose product is the ceiling


INTERNVL3_8B = Shapes(
    image_size=448,
    vision={
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
        "attention_bias": True,
    },
    text={
        "hidden_size": 3584,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "intermediate_size": 18944,
        "vocab_size": 151674,
        "max_position_embeddings": 32768,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
    },
    ceiling=8192,
)
SMALL = Shapes(
    image_size=56,
    vision={"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64},
    text=INTERNVL3_8B.text
    | {
        "hidden_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "intermediate_size": 128,
        "vocab_size": 1024,
    },
    ceiling=512,
)


def build(shapes: Shapes, device: torch.device, dtype: torch.dtype) -> InternVL:
    """A model with random weights, made where it runs."""
    import transformers

    words = " ".join(p.text for p in prompts.load("headhunt5").prompts).lower().replace("?", " ").replace(".", " ")
    tokenizer = embedded.make_tokenizer(sorted(set(words.replace(",", " ").split())), frames=N_FRAMES)
    patch, tile = embedded.PATCH, shapes.image_size
    config = transformers.InternVLConfig(
        text_config=transformers.Qwen2Config(**shapes.text),
        vision_config=transformers.InternVLVisionConfig(
            image_size=[tile, tile], patch_size=[patch, patch], **shapes.vision
        ),
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=(tile // patch // 2) ** 2,
        tie_word_embeddings=False,
    )
    assert len(tokenizer) <= config.text_config.vocab_size
    before = torch.get_default_dtype()
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            model = transformers.InternVLForConditionalGeneration._from_config(config, attn_implementation="sdpa")
    finally:
        torch.set_default_dtype(before)
    assert {p.dtype for p in model.parameters()} == {dtype}
    model.requires_grad_(False).eval().to(device)
    preprocess = Preprocess(tile, tile, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bicubic")
    return InternVL(model, tokenizer, name="random weights", preprocess=preprocess, fingerprint={"weights": "random"})


class Times:
    """Seconds by part: of the device by events, of the host by the clock."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.spent = dict.fromkeys((*MODEL_PARTS, *HOST_PARTS), 0.0)
        self._open: list[tuple[str, Any, Any]] = []
        self._inside = False

    def _now(self) -> Any:
        if self.device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self.device))
        return event

    @contextmanager
    def model_part(self, name: str) -> Iterator[None]:
        """A stretch of the device's stream."""
        begin = self._now()
        yield
        self._open.append((name, begin, self._now()))

    @contextmanager
    def host_part(self, name: str) -> Iterator[None]:
        """A stretch of this process's time; one inside another counts once."""
        if self._inside:
            yield
            return
        self._inside, begin = True, time.perf_counter()
        try:
            yield
        finally:
            self._inside = False
            self.spent[name] += time.perf_counter() - begin

    def read(self) -> None:
        """Add up what the device has finished; waits for it."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        for name, begin, end in self._open:
            cuda = self.device.type == "cuda"
            seconds = begin.elapsed_time(end) / 1000 if cuda else end - begin
            self.spent[name] += seconds
            if name == "prefix":
                self.spent["suffix"] -= seconds  # the stretch of the prompts has the prefix inside
        self._open.clear()


def instrument(run: Any, times: Times) -> None:
    """Put clocks around the parts of an extraction; for a process that does nothing else."""

    def around(part: Callable[[str], Any], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            with part(name):
                return function(*args, **options)

        return timed

    run.backbone.encode_frames = around(times.model_part, "vision", run.backbone.encode_frames)
    activations._prefill = around(times.model_part, "prefix", activations._prefill)
    activations.SHARINGS["packed"] = around(times.model_part, "suffix", activations.SHARINGS["packed"])

    class Clocked(ShardWriter):
        __init__ = around(times.host_part, "write", ShardWriter.__init__)  # type: ignore[assignment]
        add = around(times.host_part, "write", ShardWriter.add)
        fail = around(times.host_part, "write", ShardWriter.fail)
        flush = around(times.host_part, "write", ShardWriter.flush)

    stage.ShardWriter = Clocked  # type: ignore[misc]
    frames, keep = Decoders.frames, Passes._keep

    def decoded(*args: Any, **options: Any) -> Iterator[Any]:
        with closing(frames(*args, **options)) as items:
            while True:
                with times.host_part("decode"):
                    item = next(items, None)
                if item is None:
                    return
                yield item

    def kept(*args: Any) -> Any:
        times.read()  # the batch's numbers are on the host already: nothing is left to wait for
        return keep(*args)

    Decoders.frames = decoded  # type: ignore[assignment, method-assign]
    Passes._keep = kept  # type: ignore[method-assign]


def ceiling(side: int, device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of the best of several square matrix products."""
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(20):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        begin = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - begin)
    return 2.0 * side**3 / best


@dataclass(frozen=True)
class Measured:
    """One run.

    Attributes:
        segments: Rows computed.
        seconds: The whole extraction, planning left out.
        tokens: Tokens the decoder reads for a segment.
        flops: Operations a segment.
        ceiling: Operations a second of the matrix product.
        spent: Seconds of each part, "other" included; together they are `seconds`.
    """

    segments: int
    seconds: float
    tokens: int
    flops: float
    ceiling: float
    spent: dict[str, float]

    @property
    def shares(self) -> dict[str, float]:
        """Share of the time of each part."""
        return {name: seconds / self.seconds for name, seconds in self.spent.items()}


def measure(shapes: Shapes, device: torch.device, folder: Path, config: ExtractConfig, n: int, size: str) -> Measured:
    """Render videos of `n` segments together, then extract them."""
    width, height = map(int, size.split("x"))
    (folder / "videos").mkdir()
    for seed in (1, 2):
        plan = world.plan_video(
            seed,
            kind="normal",
            duration_s=max(10.0, SEGMENT * -(-n // 2) / 25),
            config=WorldConfig(width=width, height=height),
        )
        world.write_video(plan, folder / "videos" / f"{seed}.mp4")
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    backbone = build(shapes, device, dtype)
    loader, preparer = models.load, stage.prepare
    kept = (activations._prefill, activations.SHARINGS["packed"], stage.ShardWriter, Decoders.frames, Passes._keep)
    try:
        models.load = lambda *_args, **_options: backbone  # type: ignore[assignment]
        run = prepare(config)
        stage.prepare = lambda _config: run  # type: ignore[assignment]
        tile = shapes.image_size
        blank = np.random.default_rng(0).integers(0, 256, (config.batch_size, N_FRAMES, 3, tile, tile), np.uint8)
        run.extractor(blank)
        most = ceiling(shapes.ceiling, device, dtype)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        times = Times(device)
        flops = operations(run.extractor).times(frames=N_FRAMES, rows=1)
        instrument(run, times)
        begin = [time.perf_counter()]
        plan_rows = stage.plan

        def planned(*args: Any) -> Any:
            store = plan_rows(*args)
            begin.append(time.perf_counter())
            return store

        stage.plan = planned
        try:
            rows = extract([folder / "videos"], folder / "store.zarr", config).rows_done
        finally:
            stage.plan = plan_rows
        times.read()
        seconds = time.perf_counter() - begin[-1]
    finally:
        models.load, stage.prepare = loader, preparer
        activations._prefill, activations.SHARINGS["packed"] = kept[:2]
        stage.ShardWriter, Decoders.frames, Passes._keep = kept[2:]  # type: ignore[misc, method-assign]
    spent = times.spent | {"other": seconds - sum(times.spent.values())}
    tokens = len(run.tokens.prefix) + sum(map(len, run.tokens.suffixes))
    return Measured(rows, seconds, tokens, flops.total, most, spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="tiny shapes")
    parser.add_argument("--segments", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--decoders", type=int, help="decoder processes; half the cores, at most 8")
    parser.add_argument("--size", default="320x240", help="WIDTHxHEIGHT of the videos")
    options = parser.parse_args()
    device, shapes = models.pick_device(options.device), SMALL if options.small else INTERNVL3_8B
    config = ExtractConfig(
        model="random weights",
        device=options.device,
        units="segment",
        length=SEGMENT,
        n_frames=N_FRAMES,
        batch_size=options.batch_size,
        decoders=options.decoders,
    )
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(shapes, device, Path(scratch), config, options.segments, options.size)
    cuda = device.type == "cuda"
    where = torch.cuda.get_device_name(device) if cuda else f"CPU, {torch.get_num_threads()} threads"
    memory = f", {torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB at most" if cuda else ""
    print(
        f"{where}{memory}, torch {torch.__version__}, {os.cpu_count()} cores, {config.n_decoders} decoders; "
        f"{found.segments} segments, batches of {config.batch_size}, {options.size} video"
    )
    work = sum(found.spent[name] for name in MODEL_PARTS)
    total = found.flops * found.segments
    lines = {
        "segments/s": f"{found.segments / found.seconds:.3f}",
        "tokens/s": f"{found.segments * found.tokens / found.seconds:.0f}   ({found.tokens} a segment)",
        "TFLOP a segment": f"{found.flops / 1e12:.4g}",
        "ceiling, TFLOP/s": f"{found.ceiling / 1e12:.4g}   ({shapes.ceiling} x {shapes.ceiling} matrix product)",
        "utilisation of the whole": f"{total / found.seconds / found.ceiling:.1%}",
        "utilisation in the model": f"{total / work / found.ceiling:.1%}",
    }
    for name, value in lines.items():
        print(f"{name:<26}{value}")
    for name, seconds in found.spent.items():
        print(f"{name:<26}{seconds:>8.2f} s{seconds / found.seconds:>8.1%}")


if __name__ == "__main__":
    main()
