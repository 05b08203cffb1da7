"""What a trained model says about worlds it has never seen: its descriptions against the facts, slot by slot.

The segments come from the world "eval", whose cameras, textures and random streams no training sample shares. Their
seeds start at `FIRST_SEED`; `make_dataset` stays below that for every data set seed under 3 000, so no video of such a
data set is used here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import torch

from headhunt.demo.training.language import describe_scene
from headhunt.demo.training.packing import Layout
from headhunt.demo.training.reading import Read, read
from headhunt.demo.training.samples import FRAMES, Sample, facts_of, segments_of, stacked
from headhunt.demo.training.visual_tokens import see
from headhunt.demo.world.facts import Facts
from headhunt.models.last_layer import cache_name
from headhunt.records import Json

FIRST_SEED = 900_000_000
QUESTION = "Describe the scene."
LONGEST = 150  # tokens of the longest answer
SLOTS = ("count", "actor", "action", "object", "light", "place")


def segments(n_videos: int, *, first_seed: int = FIRST_SEED) -> list[Sample]:
    """Two segments of each of `n_videos` held-out videos, all through a real H.264 encoder."""
    return [s for i in range(n_videos) for s in segments_of(first_seed + i, split="eval", n=2, encoded=1.0)]


@torch.no_grad()
def generate(model: Any, layout: Layout, samples: Sequence[Sample], *, batch: int = 16) -> list[str]:
    """The model's greedy answers to `QUESTION`, one a segment."""
    from transformers import DynamicCache

    device = model.device
    end = layout.tokenizer.convert_tokens_to_ids("<|im_end|>")
    ids = [*layout.prefix(None), *layout.suffix(QUESTION)]
    out = []
    for low in range(0, len(samples), batch):
        part = samples[low : low + batch]
        pixels = stacked([s.pixels for s in part], device).flatten(0, 1)
        tokens, _ = see(model, pixels)
        row = torch.tensor(ids, device=device)
        embedded = model.get_input_embeddings()(row)[None].repeat(len(part), 1, 1)
        embedded[:, row == layout.image] = tokens.unflatten(0, (len(part), FRAMES)).flatten(1, 2).to(embedded.dtype)
        cache = DynamicCache(config=model.model.language_model.config)
        said: list[torch.Tensor] = []
        done = torch.zeros(len(part), dtype=torch.bool, device=device)
        while len(said) < LONGEST and not bool(done.all()):
            given: Any = {cache_name(model.model.language_model): cache, "use_cache": True}
            hidden = model.model.language_model(inputs_embeds=embedded, **given).last_hidden_state[:, -1]
            chosen = model.lm_head(hidden).argmax(-1)
            done |= chosen == end
            said.append(torch.where(done, end, chosen))
            embedded = model.get_input_embeddings()(chosen)[:, None]
        rows = torch.stack(said, 1).tolist()
        out += [layout.tokenizer.decode([i for i in row if i != end]) for row in rows]
    return out


def scores(texts: Sequence[str], facts: Sequence[Facts]) -> dict[str, float]:
    """Scores of descriptions against the truth, each 0 to 1, mean over segments.

    count: people and cars, half each, right only when exact. actor: F1 of (kind, colour) of the actors described one by
    one. action: F1 of the actions in the first sentence. object: F1 of the furniture, 1 when there is none and none is
    named. light, place: right or wrong. doing: F1 of (kind, colour, actions) of the actors described one by one.
    grammatical: share of texts in which `describe_scene` could have written every sentence. mean: over count, actor,
    action, object and light.
    """
    rows = [_row(read(text), read(describe_scene(fact))) for text, fact in zip(texts, facts, strict=True)]
    out = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    out["mean"] = float(np.mean([out[name] for name in ("count", "actor", "action", "object", "light")]))
    return out


def _row(said: Read, true: Read) -> dict[str, float]:
    return {
        "count": 0.5 * (said.people == true.people) + 0.5 * (said.cars == true.cars),
        "actor": f1([a[:2] for a in said.actors], [a[:2] for a in true.actors]),
        "action": f1(said.actions, true.actions),
        "object": f1(said.objects or (), true.objects or ()) if said.objects is not None else 0.0,
        "light": float(said.light == true.light),
        "place": float(said.place == true.place),
        "doing": f1(said.actors, true.actors),
        "grammatical": float(said.grammatical),
    }


def f1(said: Iterable[Hashable], true: Iterable[Hashable]) -> float:
    """Harmonic mean of precision and recall of two multisets; 1 when both are empty."""
    a, b = Counter(said), Counter(true)
    total = sum(a.values()) + sum(b.values())
    return 2 * sum((a & b).values()) / total if total else 1.0


def judge(model: Any, layout: Layout, *, n_videos: int) -> tuple[Json, list[Json]]:
    """Scores on held-out videos, those of two references, and examples.

    The reference "same words for all" describes every segment by the one text that scores best on all of them; "another
    segment" describes each by the true description of the next.
    """
    samples = segments(n_videos)
    facts = facts_of(samples)
    texts = generate(model, layout, samples)
    true = [describe_scene(fact) for fact in facts]
    shifted = true[1:] + true[:1]
    constant = max(true[:40], key=lambda text: scores([text] * len(facts), facts)["mean"])
    result: Json = {
        "segments": len(samples),
        "videos": n_videos,
        "first_seed": FIRST_SEED,
        "world": "eval",
        "question": QUESTION,
        "scores": scores(texts, facts),
        "same words for all": scores([constant] * len(facts), facts),
        "another segment": scores(shifted, facts),
    }
    examples: list[Json] = [
        {"seed": s.seed, "start_frame": s.start_frame, "said": said, "true": known}
        for s, said, known in list(zip(samples, texts, true, strict=True))[:12]
    ]
    return result, examples
