"""Head sets: as a group of a store and as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from headhunt.arrays import Float64
from headhunt.artefacts import seen
from headhunt.artefacts.seen import Seen
from headhunt.errors import ArtefactError
from headhunt.files import StrPath, write_atomic
from headhunt.records import HeadSet, Json
from headhunt.store import Artefact, Store
from headhunt.store.groups import Arrays


def read_file(path: StrPath) -> HeadSet:
    """A head set from its JSON file.

    Raises:
        ArtefactError: Not there, not JSON, or of another format.
    """
    try:
        return HeadSet.from_json(json.loads(Path(path).read_text(encoding="utf-8")), source=str(path))
    except (OSError, ValueError) as error:
        raise ArtefactError(
            f"{path} is not a head set", got=error, hint="write one with `vadkit select-heads -o`"
        ) from error


def write_file(head_set: HeadSet, path: StrPath) -> None:
    """Write a head set as JSON, whole or not at all."""
    write_atomic(path, json.dumps(head_set.to_json(), indent=1, sort_keys=False).encode() + b"\n")


def of(artefact: Artefact) -> HeadSet:
    """The head set that a store's artefact holds.

    Raises:
        ArtefactError: It is damaged.
    """
    return HeadSet.from_json(artefact.facts.get("head_set"), source=artefact.name)


def learnt_from(head_set: HeadSet) -> tuple[Seen, ...]:
    """The videos a set was found on; none for heads that were not selected, or by a version that did not say."""
    return seen.of_json(head_set.provenance.get("learnt_from"))


def write(
    store: Store,
    name: str,
    head_set: HeadSet,
    *,
    saliency: Float64,
    score: Float64,
    saliencies: Sequence[str],
    prompts: Sequence[str],
    config: Json,
    seed: int,
    inputs: Mapping[str, str],
    rows: Arrays,
) -> Artefact:
    """Write a head set as `heads/<name>`.

    Args:
        store: The store, writable.
        name: Name of the set.
        head_set: The heads.
        saliency: (saliency, prompt, layer, head): what every head scored.
        score: (layer, head): what they were ranked by.
        saliencies: Names along the first axis of `saliency`.
        prompts: Ids along the second.
        config: Configuration of the stage.
        seed: Its seed.
        inputs: What it was made from: name -> digest.
        rows: The rows it was found on, as `learnt.rows_arrays` gives them.
    """
    return store.write_artefact(
        "heads",
        name,
        stage="select-heads",
        config=config,
        seed=seed,
        inputs=inputs,
        facts={"head_set": head_set.to_json(), "metrics": list(saliencies), "prompts": list(prompts)},
        arrays={
            "saliency": (saliency, ("metric", "prompt", "layer", "head")),
            "score": (score, ("layer", "head")),
            "picked_layer": (np.array([h.layer for h in head_set.heads]), ("pick",)),
            "picked_head": (np.array([h.head for h in head_set.heads]), ("pick",)),
            **rows,
        },
    )
