"""Scorers turn the activations of chosen heads into a score in [0, 1]. A method is one file here and one line below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headhunt.registry import Registry

if TYPE_CHECKING:
    from headhunt.scorers.method import Fitted, Method
    from headhunt.scorers.scorer import Scorer, score

__all__ = ["METHODS", "Fitted", "Method", "Scorer", "score"]

METHODS: Registry[Method] = Registry(
    {
        "logistic": "headhunt.scorers.logistic:METHOD",
        "steer": "headhunt.scorers.steer:METHOD",
        "svm": "headhunt.scorers.svm:METHOD",
        "mlp": "headhunt.scorers.mlp:METHOD",
        "context": "headhunt.scorers.context:ALONE",
        "heads-and-context": "headhunt.scorers.context:BESIDE_HEADS",
        "constant-heads": "headhunt.scorers.constant_heads:METHOD",
    }
)

if not TYPE_CHECKING:  # a type checker should refuse names that are not there
    _LAZY: Registry[Any] = Registry(
        {
            "Fitted": "headhunt.scorers.method:Fitted",
            "Method": "headhunt.scorers.method:Method",
            "Scorer": "headhunt.scorers.scorer:Scorer",
            "score": "headhunt.scorers.scorer:score",
        }
    )

    def __getattr__(name: str) -> Any:
        if name in _LAZY:
            return _LAZY[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
