"""The state of a training run as one safetensors file: arrays under their paths, the rest as JSON in the header."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from headhunt.errors import ArtefactError
from headhunt.files import write_atomic

FORMAT, VERSION = "headhunt-training", 2
_ARRAY = "\x00array"  # stands for an array in the JSON


def save_state(state: Any, path: Path) -> None:
    """Write a tree of dicts, lists, tensors and JSON values; if killed, the old file or the new one is there."""
    import torch

    arrays: dict[str, torch.Tensor] = {}

    def strip(value: Any, name: str) -> Any:
        if isinstance(value, torch.Tensor):
            arrays[name] = value.detach().cpu().contiguous().clone()
            return _ARRAY
        if isinstance(value, dict):
            return [[key, strip(inner, f"{name}/{key}")] for key, inner in value.items()]
        if isinstance(value, (list, tuple)):
            return {"list": [strip(inner, f"{name}/{i}") for i, inner in enumerate(value)]}
        return {"value": value}

    tree = json.dumps(strip(state, ""))
    write_atomic(path, save(arrays, metadata={"format": FORMAT, "version": str(VERSION), "tree": tree}))


def load_state(path: Path, device: Any) -> Any:
    """Read what `save_state` wrote; tuples come back as lists.

    Raises:
        ArtefactError: Not such a file, of another version, or damaged.
    """
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            facts = file.metadata() or {}
            got, expected = (facts.get("format"), facts.get("version")), (FORMAT, str(VERSION))
            if got != expected:
                raise ArtefactError(f"{path} is not the state of a training run", got=got, expected=expected)

            def join(value: Any, name: str) -> Any:
                if value == _ARRAY:
                    return file.get_tensor(name)
                if isinstance(value, list):
                    return {key: join(inner, f"{name}/{key}") for key, inner in value}
                if "list" in value:
                    return [join(inner, f"{name}/{i}") for i, inner in enumerate(value["list"])]
                return value["value"]

            return join(json.loads(facts["tree"]), "")
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ArtefactError(f"{path} is damaged or missing", got=error, hint="start a new training") from error
