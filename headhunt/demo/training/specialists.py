"""Heads that are added to a trained model: they look on and know one topic each.

`python -m headhunt.demo.training.specialists --out DIR [--model MODEL]` adds them. In large models heads are
specialists, and selecting heads lives on that; in one as small as the embedded model every head carries a bit of
everything. So each layer gets four heads more. What they give goes nowhere (their columns of `o_proj` are zero): the
model sees and says exactly what it did without them. They learn to show, at the end of a question, whatever it asks,
which words of one topic the segment shows: what is done, who and what there is, place and furniture, colours, or ways.
The topics have about as many heads each: which of them tells anomalies is left to head selection.

The model is run once over some thousand segments; everything the new heads can look at is kept, so that they learn in
minutes on two cores.
"""

from __future__ import annotations

import argparse
import copy
import csv
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from headhunt.demo.training import language, network
from headhunt.demo.training.language import Pair, pairs
from headhunt.demo.training.lessons import SEGMENTS, Feed
from headhunt.demo.training.train import keep_logs, keep_memory, write_model
from headhunt.demo.training.trainer import TrainConfig, Trainer, device_name, folder_of
from headhunt.demo.training.training_data import INDEX, PATCH_WORDS, TOPICS, Sample
from headhunt.errors import UsageError
from headhunt.models import pick_device

ADDED, ADDED_KEYS = 4, 2  # heads and key-value heads that each layer gets; as many heads share keys as among the others
SHARING = ADDED // ADDED_KEYS
DIM = network.HIDDEN // network.HEADS
FIRST_VIDEO = 100_000  # number of the first video of the run: none that the model learnt from
HELD_OUT = 160  # segments, the first ones, that the loss is measured on
SELDOM = 0.02  # least deviation that a word is taken to have
FLOOR = 0.01  # least variance that a direction is taken to have, in that of the widest
MEASURED = 640  # segments on which is measured what new heads give
ODD = 3  # questions a segment that mean nothing: what is shown must not hang on what is asked
COLUMNS = ("epoch", "seconds", "loss", "held_out", *(f"topic_{i}" for i in range(len(TOPICS))))


@dataclass(frozen=True)
class SpecialistConfig:
    """How they learn.

    Attributes:
        segments: Looked at, `HELD_OUT` of them only to measure the loss on; about 1.5 MB of memory each.
        questions: Real ones a segment, beside `ODD` that mean nothing.
        epochs: Times that all segments are gone through.
        batch: Segments a step.
        rate: Learning rate of AdamW at its height, falling to nothing.
        weight_decay: Of matrices and read-outs.
        seed: Of the weights and every choice.
        workers: Rendering processes.
        threads: Threads on a CPU.
    """

    segments: int = 3000
    questions: int = 4
    epochs: int = 5
    batch: int = 16
    rate: float = 3e-3
    weight_decay: float = 1.0
    seed: int = 0
    workers: int = 1
    threads: int = 2


class Looked(NamedTuple):
    """What new heads can look at in one segment, up to the ends of its questions.

    Attributes:
        states: float16 (layers, t, hidden), what goes into the attention of each layer.
        positions: int (t,).
        block: int (t,): 0 for the frames, 1, 2, ... for the questions.
        asked: int (q,), where the questions end.
        seen: float (words,), in which share of the frames each word is shown, or that in deviations (`in_deviations`).
    """

    states: torch.Tensor
    positions: torch.Tensor
    block: torch.Tensor
    asked: torch.Tensor
    seen: torch.Tensor


class Batch(NamedTuple):
    """Several segments side by side, padded.

    Attributes:
        states: float32 (b, layers, t, hidden).
        positions: int (b, t).
        allowed: bool (b, q, t): what the end of each question may look at.
        asked: int (b, q).
        real: bool (b, q): False where a segment has fewer questions.
        seen: float32 (b, words).
    """

    states: torch.Tensor
    positions: torch.Tensor
    allowed: torch.Tensor
    asked: torch.Tensor
    real: torch.Tensor
    seen: torch.Tensor

    @classmethod
    def of(cls, segments: Sequence[Looked], device: torch.device) -> Batch:
        """Pad and stack."""
        b, t = len(segments), max(len(s.positions) for s in segments)
        q = max(len(s.asked) for s in segments)
        layers, _, hidden = segments[0].states.shape
        states = torch.zeros(b, layers, t, hidden, dtype=torch.float16)
        positions, asked = torch.zeros(b, t, dtype=torch.int64), torch.zeros(b, q, dtype=torch.int64)
        allowed, real = torch.zeros(b, q, t, dtype=torch.bool), torch.zeros(b, q, dtype=torch.bool)
        for i, s in enumerate(segments):
            n, m = len(s.positions), len(s.asked)
            states[i, :, :n], positions[i, :n], asked[i, :m], real[i, :m] = s.states, s.positions, s.asked, True
            own = (s.block == 0) | (s.block == s.block[s.asked][:, None])
            allowed[i, :m, :n] = own & (torch.arange(n) <= s.asked[:, None])
        parts = (states.to(device).float(), positions, allowed, asked, real, torch.stack([s.seen for s in segments]))
        return cls(*(part.to(device) for part in parts))


class Specialists(nn.Module):
    """Queries, keys and values of the new heads of all layers, and what reads them in training.

    Args:
        rotary: The decoder's rotary embedding.
        layers: Of the decoder.
        seed: Of the weights.
    """

    topic: torch.Tensor

    def __init__(self, rotary: Any, *, layers: int = network.LAYERS, seed: int = 0) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(seed)

        def drawn(*shape: int, std: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=random) * std)

        self._rotary = [rotary]  # in a list: not a part of this module
        self.q = drawn(layers, network.HIDDEN, ADDED * DIM, std=0.07)
        self.k = drawn(layers, network.HIDDEN, ADDED_KEYS * DIM, std=0.07)
        self.v = drawn(layers, network.HIDDEN, ADDED_KEYS * DIM, std=0.05)
        self.q_bias = nn.Parameter(torch.zeros(layers, ADDED * DIM))
        self.k_bias = nn.Parameter(torch.zeros(layers, ADDED_KEYS * DIM))
        self.v_bias = nn.Parameter(torch.zeros(layers, ADDED_KEYS * DIM))
        self.read = drawn(layers, ADDED_KEYS, DIM, len(PATCH_WORDS), std=0.02)
        self.read_bias = nn.Parameter(torch.zeros(layers, ADDED_KEYS, len(PATCH_WORDS)))
        self.register_buffer("topic", words_of(topic_of(layers)), persistent=False)

    def forward(self, batch: Batch) -> torch.Tensor:
        """What the heads give at the ends of the questions, (b, layers, q, ADDED, DIM)."""
        x = batch.states
        ends = batch.asked[:, None, :, None].expand(-1, x.shape[1], -1, x.shape[3])
        q = torch.einsum("blqc,lcd->blqd", x.gather(2, ends), self.q) + self.q_bias[:, None]
        k = torch.einsum("bltc,lcd->bltd", x, self.k) + self.k_bias[:, None]
        v = torch.einsum("bltc,lcd->bltd", x, self.v) + self.v_bias[:, None]
        q = self._turned(q.unflatten(-1, (ADDED_KEYS, SHARING, DIM)), batch.positions.gather(1, batch.asked))
        k = self._turned(k.unflatten(-1, (ADDED_KEYS, DIM)), batch.positions)
        scores = torch.einsum("blqgnd,bltgd->blgnqt", q, k) / DIM**0.5
        scores = scores.masked_fill(~batch.allowed[:, None, None, None], network.FAR)
        given = torch.einsum("blgnqt,bltgd->blqgnd", scores.softmax(-1), v.unflatten(-1, (ADDED_KEYS, DIM)))
        return given.flatten(-3, -2)

    def _turned(self, x: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Queries or keys (b, layers, t, ..., DIM) with the decoder's rotary embedding of their positions (b, t)."""
        from transformers.models.qwen2.modeling_qwen2 import rotate_half

        b, t = positions.shape
        shape = (b, 1, t, *(1,) * (x.ndim - 4), DIM)
        cos, sin = (part.float().view(shape) for part in self._rotary[0](x, positions))
        turned: torch.Tensor = x * cos + rotate_half(x) * sin
        return turned

    def losses(self, batch: Batch, given: torch.Tensor) -> torch.Tensor:
        """Mean squared error of each head, (layers, ADDED), over the words of its topic and the questions.

        Args:
            batch: What was looked at, `seen` in deviations.
            given: What the heads gave.
        """
        read, bias = self.read.repeat_interleave(SHARING, 1), self.read_bias.repeat_interleave(SHARING, 1)
        missed = torch.einsum("blqhd,lhdw->blqhw", given, read) + bias[:, None] - batch.seen[:, None, None, None]
        known = self.topic.repeat_interleave(SHARING, 1)
        of_question = (missed.square() * known[:, None]).sum(-1) / known.sum(-1)[:, None] * batch.real[:, None, :, None]
        mean: torch.Tensor = of_question.sum((0, 2)) / batch.real.sum()
        return mean


def topic_of(layers: int) -> torch.Tensor:
    """Number of the topic of each key-value head, (layers, ADDED_KEYS): all in turn."""
    return (torch.arange(layers * ADDED_KEYS) % len(TOPICS)).view(layers, ADDED_KEYS)


def words_of(topics: torch.Tensor) -> torch.Tensor:
    """Which words each key-value head is to know, (layers, ADDED_KEYS, words), 1 or 0, from the numbers of topics."""
    known = torch.zeros(len(TOPICS), len(PATCH_WORDS))
    for row, topic in zip(known, TOPICS, strict=True):
        row[[INDEX[word] for word in topic]] = 1
    return known[topics]


def even(given: torch.Tensor) -> torch.Tensor:
    """A basis in which vectors (n, ..., heads, d) are spread evenly in all directions, (..., d, d), symmetrical.

    To the read-outs any basis is as good as any other. In this one no direction counts more than another by chance;
    directions in which next to nothing is given are not blown up.
    """
    own = given.movedim(0, -2).flatten(-3, -2)
    own = own - own.mean(-2, keepdim=True)
    size, way = torch.linalg.eigh(own.mT @ own / own.shape[-2])
    wide = (size.clamp(min=0) + FLOOR * size[..., -1:]).rsqrt()
    basis: torch.Tensor = way * wide[..., None, :] @ way.mT
    return basis


def in_deviations(segments: Sequence[Looked]) -> list[Looked]:
    """The segments with `seen` of mean 0 and deviation 1 over them, word by word; hardly ever seen words at less."""
    seen = torch.stack([s.seen for s in segments])
    scaled = (seen - seen.mean(0)) / seen.std(0).clamp(min=SELDOM)
    return [s._replace(seen=row) for s, row in zip(segments, scaled, strict=True)]


def look(trainer: Trainer, sample: Sample, rng: np.random.Generator, *, questions: int) -> Looked:
    """Run the model over one segment and keep what new heads could look at.

    Args:
        trainer: Holds the model.
        sample: With visual tokens, as `Trainer.look` gives it.
        rng: Source of the questions.
        questions: Real ones beside the description's.
    """
    if sample.facts is None or sample.tokens is None:
        raise AssertionError("nothing is known of the segment, or nobody has looked at it")
    asked = pairs(sample.facts, rng, n=questions) + [Pair("", odd_question(rng), "") for _ in range(ODD)]
    batch = network.pack(trainer.layout, [asked], system=None).to(trainer.device)
    visual = torch.from_numpy(sample.tokens[None]).to(trainer.device).float()
    with torch.no_grad():
        hidden = network.decode(trainer.model, batch, visual, trainer.layout.image).hidden
        layers = trainer.model.model.language_model.layers
        inputs = [
            layer.input_layernorm(x)[0] for layer, x in zip(layers, hidden, strict=False)
        ]  # the last is of no layer
    block, ends = batch.block[0].cpu(), batch.asked[0].cpu()
    # Answers are left out: what follows the end of a question up to the next one.
    owns = [block == number for number in range(1, len(asked) + 1)]
    answers = torch.stack([own & (ends & own).cumsum(0).bool() & ~ends for own in owns]).any(0)
    kept = (block >= 0) & ~answers
    seen = torch.from_numpy(sample.patches).amax((1, 2)).float().mean(0)
    states = torch.stack([x[kept.to(x.device)] for x in inputs]).half().cpu()
    return Looked(states, batch.positions[0].cpu()[kept], block[kept], ends[kept].nonzero()[:, 0], seen)


def odd_question(rng: np.random.Generator) -> str:
    """A question that means nothing: words of the descriptions and words the model does not know, in any order."""
    words, letters = sorted(language.WORDS), np.array(list("abcdefghijklmnopqrstuvwxyz"))
    said = [
        words[int(rng.integers(len(words)))] if rng.random() < 0.6 else "".join(rng.choice(letters, rng.integers(2, 9)))
        for _ in range(int(rng.integers(4, 14)))
    ]
    return " ".join(said) + "?"


def fit(model: Specialists, segments: Sequence[Looked], config: SpecialistConfig, device: torch.device) -> list[Any]:
    """Let them learn.

    Args:
        model: Changed in place.
        segments: The first `HELD_OUT` only to measure the loss on.
        config: How.
        device: Where.

    Returns:
        A row of `COLUMNS` an epoch.
    """
    segments = in_deviations(segments)
    held_out, own = segments[:HELD_OUT], segments[HELD_OUT:]
    matrices = [p for p in model.parameters() if p.ndim > 2 and p is not model.read_bias]
    rest = [model.q_bias, model.k_bias, model.v_bias, model.read_bias]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.98))
    a_pass = max(1, len(own) // config.batch)
    steps, topics = config.epochs * a_pass, topic_of(len(model.q)).repeat_interleave(SHARING, 1)
    falling = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: min(1.0, (i + 1) / 50) * (1 - i / steps))
    rng, began, rows = np.random.default_rng([4, config.seed]), time.monotonic(), []
    for epoch in range(config.epochs):
        order, total = rng.permutation(len(own)), 0.0
        for low in range(0, a_pass * config.batch, config.batch):
            batch = Batch.of([own[i] for i in order[low : low + config.batch]], device)
            loss = model.losses(batch, model(batch)).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            falling.step()
            total += float(loss.detach()) / a_pass
        with torch.no_grad():
            parts = [Batch.of(held_out[i : i + 16], device) for i in range(0, len(held_out), 16)]
            measured = [model.losses(part, model(part)) * len(part.seen) / len(held_out) for part in parts]
        missed = torch.stack(measured).sum(0).cpu()
        each = [float(missed[topics == topic].mean()) for topic in range(len(TOPICS))]
        rows.append([epoch, round(time.monotonic() - began, 1), total, float(missed.mean()), *each])
        print("  ".join(f"{n} {v:.4g}" for n, v in zip(COLUMNS, rows[-1], strict=True)), flush=True)
    return rows


def grown(model: Any, specialists: Specialists, segments: Sequence[Looked]) -> Any:
    """The model with the new heads behind its own; nobody reads them.

    What each gives is brought into an `even` basis, with a root mean square of `network.LEVEL`.

    Args:
        model: InternVLForConditionalGeneration without them.
        specialists: After `fit`.
        segments: To measure on what they give.
    """
    import transformers

    batches = [Batch.of(segments[i : i + 16], specialists.q.device) for i in range(0, len(segments), 16)]
    with torch.no_grad():
        given = torch.cat([specialists(batch).transpose(1, 2)[batch.real] for batch in batches])
        given = given.unflatten(2, (ADDED_KEYS, -1))  # (questions, layers, ADDED_KEYS, heads of them, DIM)
        basis = even(given)
        basis *= (network.LEVEL / (given @ basis).square().mean((0, 3, 4)).sqrt())[..., None, None]
        values = (specialists.v.unflatten(2, (ADDED_KEYS, DIM)).transpose(1, 2) @ basis).transpose(1, 2).flatten(2)
        value_bias = (specialists.v_bias.unflatten(1, (ADDED_KEYS, 1, DIM)) @ basis).flatten(1)
        added = {
            "q_proj.weight": specialists.q.mT, "q_proj.bias": specialists.q_bias,
            "k_proj.weight": specialists.k.mT, "k_proj.bias": specialists.k_bias,
            "v_proj.weight": values.mT, "v_proj.bias": value_bias,
        }  # fmt: skip
    config = copy.deepcopy(model.config)
    config.text_config.num_attention_heads += ADDED
    config.text_config.num_key_value_heads += ADDED_KEYS
    config.text_config.head_dim = DIM
    larger: Any = transformers.InternVLForConditionalGeneration(config).float()
    weights = dict(model.state_dict())
    for index in range(len(specialists.q)):
        attention = f"model.language_model.layers.{index}.self_attn."
        for name, rows in added.items():
            weights[attention + name] = torch.cat([weights[attention + name], rows[index].to(model.dtype)])
        weights[attention + "o_proj.weight"] = F.pad(weights[attention + "o_proj.weight"], (0, ADDED * DIM))
    larger.load_state_dict(weights)
    return larger.eval()


def run(out: Path, model: str, config: SpecialistConfig, *, device: str = "auto", judge: int = 100) -> None:
    """Add specialists to a model and write what `train` writes, with `specialists.csv` beside it.

    Args:
        out: Folder to write.
        model: 'tiny', or a folder with a model of the embedded one's architecture; specialists it has are left out.
        config: How they learn.
        device: As of `pick_device`.
        judge: Held-out videos for the scores, 0 for none.

    Raises:
        UsageError: Too few segments, or `out` holds a model already.
    """
    if config.segments <= HELD_OUT:
        raise UsageError("too few segments to learn from", got=config.segments, expected=f"more than {HELD_OUT}")
    if (out / "model").exists():
        raise UsageError(f"{out} already holds a model", hint="take another folder")
    place = pick_device(device)
    if place.type == "cpu":
        keep_memory()
        torch.set_num_threads(config.threads)
    out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(TrainConfig(seed=config.seed), place)
    trainer.begin_with(model)
    trainer.stage = SEGMENTS
    trainer.model.eval()
    began, rng = time.monotonic(), np.random.default_rng([5, config.seed])
    feed = Feed(
        SEGMENTS, first=FIRST_VIDEO, workers=config.workers, pool=1, uses=1, rng=trainer.rng, prepare=trainer.look
    )
    segments: list[Looked] = []
    while len(segments) < config.segments:
        segments.append(look(trainer, feed.draw(1)[0], rng, questions=config.questions))
        if len(segments) % 200 == 0:
            print(f"{len(segments)} segments looked at in {time.monotonic() - began:.0f} s", flush=True)
    specialists = Specialists(trainer.model.model.language_model.rotary_emb, seed=config.seed).to(place)
    rows = fit(specialists, segments, config, place)
    with (out / "specialists.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *([f"{v:.5g}" for v in row] for row in rows)])
    figures = {
        "device": device_name(place, config.threads), "hours": round((time.monotonic() - began) / 3600, 3),
        "specialists": f"{ADDED} heads a layer, {config.epochs} times through {config.segments - HELD_OUT} segments",
        "videos rendered": feed.next_video - FIRST_VIDEO, "batch": config.batch,
        "optimiser": f"AdamW at {config.rate:g}, weight decay {config.weight_decay:g}", "seed": config.seed,
    }  # fmt: skip
    whole = grown(trainer.model.cpu(), specialists.cpu(), segments[:MEASURED])
    keep_logs(folder_of(model), out, len(trainer.before))
    write_model(whole, trainer.tokenizer, trainer.layout, out, runs=[*trainer.before, figures], n_videos=judge)


def main() -> None:
    """Command line."""
    usual = SpecialistConfig()
    parser = argparse.ArgumentParser(description="add heads that know one topic each to a trained embedded model")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--model", default="tiny", help="the model they are added to ('tiny')")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1")
    parser.add_argument("--judge", type=int, default=100, help="held-out videos for the scores (100), 0 for none")
    for name, value in asdict(usual).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help=f"({value})")
    args = vars(parser.parse_args())
    config = SpecialistConfig(**{name: args[name] for name in asdict(usual)})
    run(args["out"], args["model"], config, device=args["device"], judge=args["judge"])


if __name__ == "__main__":
    main()
