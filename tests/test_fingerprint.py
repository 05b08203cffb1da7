"""Fingerprints: read back as written, older ones with defaults, and told apart key by key."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given

from headhunt.documents import MalformedError, parse_json
from headhunt.errors import ArtefactError
from headhunt.fingerprint import Fingerprint, Sampling, differences, kind_differences, version_differences
from headhunt.records import Head, Prompt
from tests.hostile import mutated
from tests.soak import drawn

MADE = Fingerprint(
    weights="sha256:0",
    architecture="X",
    dtype="float32",
    attention="sdpa",
    sharing="packed",
    transformers="5.24.0",
    decoder="av 18",
    preprocess={"height": 28},
    sampling=Sampling(stride=24),
    prompts=(Prompt("a", "A?"), Prompt("b", "B?")),
    frame_text="F<image>",
    heads=(Head(2, 1), Head(0, 3)),
    context="final",
)


def test_it_is_read_back_as_it_was_written_under_the_keys_of_the_first_edition() -> None:
    data = MADE.to_json()
    assert Fingerprint.from_json(data) == MADE
    assert (data["method"], data["heads"]) == ("packed", [[2, 1], [0, 3]])
    assert data["sampling"] == {"length": 48, "stride": 24, "n_frames": 16, "tail": "keep"}
    assert Fingerprint.from_json(replace(MADE, heads=None).to_json()).heads is None


def test_an_absent_key_is_at_its_default_and_an_unknown_one_is_kept() -> None:
    data = MADE.to_json()
    del data["skip_still"], data["system"]
    old = Fingerprint.from_json(data | {"to_come": [1]})
    assert (old.skip_still, old.system, old.more) == (None, None, {"to_come": [1]})
    assert old.to_json()["to_come"] == [1]
    assert differences(old, MADE) == ["to_come: store [1], now None"]


@pytest.mark.parametrize(
    "change", [{"sampling": {"pace": 1}}, {"prompts": [{"id": "a"}]}, {"heads": [1]}, {"heads": 3}]
)
def test_a_damaged_one_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ArtefactError, match="damaged"):
        Fingerprint.from_json(MADE.to_json() | change)


def test_only_what_a_scorer_reads_binds_it() -> None:
    now = replace(MADE, transformers="5.17.0", sharing="loop", heads=None, context=None)
    assert kind_differences(MADE, now, prompts=MADE.prompts[:1], context=False) == []
    assert kind_differences(MADE, now, prompts=(), context=True) == ["context: store final, now None"]
    assert version_differences(MADE, now) == [
        "method: store packed, now loop",
        "transformers: store 5.24.0, now 5.17.0",
    ]
    other = replace(MADE, sampling=Sampling(n_frames=8), prompts=MADE.prompts[1:])
    assert kind_differences(MADE, other, prompts=MADE.prompts, context=False) == [
        "n_frames: store 16, now 8",
        "prompt: 'a' ('A?') is read, but not asked now",
    ]


def test_a_long_value_is_cut_in_a_message() -> None:
    (line,) = differences(MADE, replace(MADE, frame_text="x" * 500))
    assert line.endswith("... (500 characters)")


SOUND = {
    "weights": "sha256:0",
    "dtype": "float32",
    "method": "packed",
    "preprocess": {"height": 8, "mean": [0.5, 0.5, 0.5]},
    "sampling": {"length": 48, "stride": 24, "n_frames": 4, "tail": "keep"},
    "prompts": [{"id": "p", "text": "Is it?"}, {"id": "q", "text": "Was it?"}],
    "system": None,
    "heads": [[2, 1], [0, 3]],
    "context": "final",
    "skip_still": 3.0,
    "later": {"x": 1},
}


@drawn()
@given(text=mutated(SOUND))
def test_any_document_is_a_fingerprint_or_refused(text: bytes) -> None:
    try:
        made = Fingerprint.from_json(parse_json(text))
    except (ArtefactError, MalformedError):
        return
    assert Fingerprint.from_json(json.loads(json.dumps(made.to_json()))) == made
