"""The embedded model as it is shipped: its limits, its papers, that it loads like any other and says what it sees."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from headhunt import models
from headhunt.demo.example import OWN_HEADS
from headhunt.demo.training import held_out, network
from headhunt.demo.training.language import WORDS
from headhunt.demo.training.packing import Layout
from headhunt.demo.training.specialists.fitting import COLUMNS
from headhunt.demo.training.specialists.heads import ADDED
from headhunt.extraction import golden
from headhunt.models import Backbone
from headhunt.models.random import EMBEDDED
from tests.demo.training.test_language import FORBIDDEN

FILES = {
    "MODEL_CARD.md", "NOTE.txt", "chat_template.jinja", "config.json", "generation_config.json", "golden.json",
    "log-1.csv", "model.safetensors", "preprocessor_config.json", "processor_config.json", "scores.json",
    "specialists.csv", "tokenizer.json", "tokenizer_config.json", "video_preprocessor_config.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def embedded() -> Backbone:
    return models.load("tiny")


@pytest.fixture(scope="module")
def record() -> dict:
    return json.loads((EMBEDDED / "scores.json").read_text())


def test_it_is_whole_and_small() -> None:
    assert {path.name for path in EMBEDDED.iterdir()} == FILES
    assert sum(path.stat().st_size for path in EMBEDDED.iterdir()) <= 16e6


def test_it_loads_by_the_code_that_loads_any_other(embedded: Backbone) -> None:
    model = embedded.model  # type: ignore[attr-defined]
    assert type(model).__name__ == "InternVLForConditionalGeneration"
    assert sum(p.numel() for p in model.parameters()) <= 8_000_000
    assert embedded.spec.layers >= 8
    assert embedded.spec.layers * embedded.spec.heads >= 64
    assert embedded.head_error < 1e-4
    assert any("describes what is visible and judges nothing" in note for note in embedded.notes)


def test_its_golden_activations_are_met(embedded: Backbone) -> None:
    known = golden.read(EMBEDDED)
    assert known is not None
    assert known.error(golden.measure(embedded)) < 1e-3


def test_it_describes_worlds_it_never_saw(embedded: Backbone, record: dict) -> None:
    layout = Layout(embedded.tokenizer)  # type: ignore[attr-defined]
    samples = held_out.segments(6)
    texts = held_out.generate(embedded.model, layout, samples)  # type: ignore[attr-defined]
    found = held_out.scores(texts, [s.facts for s in samples if s.facts is not None])
    assert found["grammatical"] >= 0.9
    # Twelve segments are few: within a wide margin of what the record says of many.
    for slot, margin in (("mean", 0.15), ("light", 0.2), ("place", 0.1)):
        assert abs(found[slot] - record["judged"]["scores"][slot]) < margin
    assert found["mean"] > record["judged"]["same words for all"]["mean"]
    known = {example["seed"]: example["said"] for example in record["examples"]}
    assert {s.seed for s in samples} <= set(known)  # the record's examples are of the first of these segments


def test_the_record_the_card_and_the_log_agree(record: dict) -> None:
    card = (EMBEDDED / "MODEL_CARD.md").read_text()
    scores = record["judged"]["scores"]
    assert record["judged"]["world"] == "eval"
    assert record["judged"]["segments"] >= 100
    for name, value in scores.items():
        assert f"| {name} | {value:.3f} |" in card
    assert scores["mean"] == pytest.approx(
        np.mean([scores[s] for s in ("count", "actor", "action", "object", "light")])
    )
    runs = [*record.get("before", []), record["training"]]
    phases = set()
    assert ["specialists" in run for run in runs] == [False] * (len(runs) - 1) + [True]
    for number, run in enumerate(runs[:-1], 1):
        rows = list(csv.DictReader((EMBEDDED / f"log-{number}.csv").read_text().splitlines()))
        for name in ("step", "seconds"):
            values = [float(row[name]) for row in rows]
            assert values == sorted(values)
        assert float(rows[-1]["seconds"]) == pytest.approx(3600 * run["hours"], rel=0.01)
        assert int(rows[-1]["step"]) == run["steps"]
        texts = [float(row["text"]) for row in rows if row["text"]]
        assert texts[-1] < texts[0]
        phases |= {row["phase"] for row in rows}
    assert phases == {"0", "1", "2"}
    rows = list(csv.DictReader((EMBEDDED / "specialists.csv").read_text().splitlines()))
    assert tuple(rows[0]) == COLUMNS
    for name in COLUMNS[3:]:  # of what is not trained on; knowing nothing leaves 1
        assert float(rows[-1][name]) < float(rows[0][name]) < 0.6


def test_nobody_reads_what_specialists_give(embedded: Backbone) -> None:
    assert embedded.spec.heads == network.HEADS + ADDED
    for layer in embedded.model.model.language_model.layers:  # type: ignore[attr-defined]
        assert not layer.self_attn.o_proj.weight[:, network.HIDDEN :].any()
        assert layer.self_attn.v_proj.weight[network.HIDDEN // 2 :].abs().mean() > 1e-3


def test_its_vocabulary_judges_nothing(embedded: Backbone) -> None:
    vocabulary = embedded.tokenizer.get_vocab()  # type: ignore[attr-defined]
    known = {token.lstrip("Ġ").lower() for token in vocabulary if len(token.lstrip("Ġ")) > 1}
    assert not known & FORBIDDEN
    assert set(WORDS) <= known | {word for word in WORDS if len(word) == 1}


def test_the_planted_heads_are_those_whose_output_goes_nowhere(embedded: Backbone) -> None:
    """The example calls heads of the indices `OWN_HEADS` the model's own; the others' columns of o_proj are zero."""
    spec, (first, last) = embedded.spec, OWN_HEADS
    for layer in embedded.decoder.layers:
        size = layer.self_attn.o_proj.weight.detach().unflatten(1, (spec.heads, spec.head_dim)).abs().amax(dim=(0, 2))
        silent = [head for head in range(spec.heads) if float(size[head]) == 0.0]
        assert silent == [head for head in range(spec.heads) if not first <= head <= last]
