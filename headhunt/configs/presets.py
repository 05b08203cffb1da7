"""Named choices of options that belong together; a value that is given explicitly wins over a preset."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "headhunt": {
        "select-heads": {"saliency": "rss", "k": 5},
        "fit": {"method": "logistic"},
        "localize": {"smoothing": "gaussian", "sigma": 1.5},
    },
    "steervad": {
        "select-heads": {"saliency": "rsa", "k": 4, "prompt_ids": ("scoring",), "penalty": 0.0},
        "fit": {"method": "steer", "variant": "full", "epochs": 1000, "lambda_reg": 0.1},
    },
    "headhunt-reference": {
        "extract": {"tail": "drop", "units": "both"},
        "select-heads": {
            "units": "video",
            "shrinkage": "ridge",
            "kmeans_starts": 1,
            "kmeans_seed": 42,
            "kmeans_order": "classes",
        },
        "localize": {"smoothing": "gaussian-zero", "sigma": 1.5, "tau": 0.65},
    },
}
"""Preset -> command -> field of its configuration -> value.

headhunt: HeadHunt-VAD as its paper has it. steervad: SteerVAD as its paper has it. headhunt-reference: what
HeadHunt-VAD's public code does where it differs from the paper."""


def preset(name: str, command: str) -> dict[str, Any]:
    """The values a preset sets for one command, {} where it says nothing of that command.

    Raises:
        UsageError: There is no such preset.
    """
    from headhunt.errors import UsageError

    if name not in PRESETS:
        raise UsageError("unknown preset", got=name, expected=" or ".join(PRESETS))
    return dict(PRESETS[name].get(command, {}))
