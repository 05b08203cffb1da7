"""What `fit` can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from headhunt.configs.option import check, option
from headhunt.configs.shared import NAME_HELP, RESULT, RowsConfig
from headhunt.errors import UsageError

FOLDS = 5
METHOD = "Options of one method"
OWN = ("c", "max_iter", "epochs", "rank", "lambda_reg", "variant", "standardize")
"""Options of single methods; None leaves the method's own default."""


@dataclass(frozen=True, kw_only=True)
class FitConfig(RowsConfig):
    """How a scorer is fitted."""

    method: str = option(
        "logistic",
        "logistic is HeadHunt-VAD's scorer, steer SteerVAD's; svm and mlp are ablations, the others controls that "
        "show what steering owes to the context.",
        choices=("headhunt.scorers:METHODS",),
    )
    heads: str | None = option(
        None,
        "Heads to fit on: a set in the store, a file, another store, random:K[:SEED[:FIRST-LAST]], or "
        "layer:N[:FIRST-LAST] (layer:last for the last one).",
        metavar="NAME|FILE|STORE|...",
        shown="the set selected last",
    )
    prompt: str | None = option(
        None, "Prompt whose features the scorer reads.", metavar="ID", shown="the prompt set's scoring prompt"
    )
    c: float | None = option(
        None, "all but mlp and steering: inverse strength of the L2 penalty.", above=0, shown="1.0", panel=METHOD
    )
    max_iter: int | None = option(
        None, "all but steering: most iterations.", metavar="N", least=1, shown="2000", panel=METHOD
    )
    epochs: int | None = option(None, "steering: training steps.", metavar="N", least=0, shown="1000", panel=METHOD)
    rank: int | None = option(None, "steering: rank of each adapter.", metavar="N", least=1, shown="4", panel=METHOD)
    lambda_reg: float | None = option(
        None, "steering: weight of the gate's regulariser.", metavar="WEIGHT", least=0, shown="0.1", panel=METHOD
    )
    variant: Literal["full", "no-gate", "additive", "static", "linear"] | None = option(
        None,
        "steer: the whole method or an ablation.",
        shown="full",
        panel=METHOD,
    )
    standardize: bool | None = option(
        None,
        "steer: bring inputs to mean 0 and deviation 1 first.",
        off="raw",
        shown="raw",
        panel=METHOD,
    )
    folds: int | None = option(
        None,
        "Folds of the nested cross-fitting: labelled videos get scores from scorers that never saw them, with heads "
        "selected anew in each fold, for localize --calibrate to read. 0 for none.",
        metavar="N",
        least=0,
        shown=f"{FOLDS} where no video is in the split val, else 0",
    )
    options: Mapping[str, Any] = option({}, "Options of a method that is not listed here, by name.", library=True)
    name: str | None = option(None, NAME_HELP, metavar="NAME", shown="that of the method", panel=RESULT)

    def __post_init__(self) -> None:
        check(self)
        if self.folds == 1:
            raise UsageError("one fold leaves nothing to fit on", expected="--folds 0, or 2 or more")

    @property
    def own(self) -> dict[str, Any]:
        """The options of the method that were given, by name."""
        given = {name: getattr(self, name) for name in OWN}
        return dict(self.options) | {name: value for name, value in given.items() if value is not None}
