"""The state of a training as one safetensors file: arrays under their paths, everything else as JSON in its header."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from headhunt.errors import ArtefactError
from headhunt.files import write_atomic

FORMAT, VERSION = "headhunt-training", 1
_ARRAY = "\x00array"  # stands in the JSON where an array was


def save_state(state: Any, path: Path) -> None:
    """Write a tree of dicts, lists, tensors and JSON values; a kill leaves the old file or the new one."""
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
        ArtefactError: Not such a file, or damaged.
    """
    try:
        with safe_open(path, framework="pt", device=str(device)) as file:
            facts = file.metadata() or {}
            if (facts.get("format"), facts.get("version")) != (FORMAT, str(VERSION)):
                raise ArtefactError(f"{path} is not the state of a training", got=facts.get("format"), expected=FORMAT)

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
        raise ArtefactError(f"{path} is damaged or missing", got=error, hint="begin the training anew") from error
