"""What `select-heads` can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from headhunt.configs.option import check, formerly, option
from headhunt.configs.shared import NAME_HELP, RESULT, RowsConfig
from headhunt.errors import UsageError

RANKING = "Ranking"
RSS = "rss"
PUBLISHED_K = {"rsa": 4}  # SteerVAD; HeadHunt-VAD takes 5
OTHER_K = 5


def number_of_heads(text: str) -> Any:
    """A number of heads, or auto."""
    if text == "auto":
        return text
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is neither auto nor a number of heads")
    return int(text)


def first_and_last(text: str) -> tuple[int, int]:
    """The text 0-7 as (0, 7)."""
    first, dash, last = text.partition("-")
    if not (dash and first.isdigit() and last.isdigit()):
        raise ValueError(f"{text!r} is not a range of head indices, such as 0-7")
    return int(first), int(last)


@formerly(metric="saliency")
@dataclass(frozen=True, kw_only=True)
class SelectConfig(RowsConfig):
    """How heads are selected.

    `k` of None becomes the published number when the configuration is made: 4 for rsa, else 5.
    """

    saliency: str = option(
        RSS,
        "How heads are ranked: rss is HeadHunt-VAD's, rsa SteerVAD's; the others are single saliencies.",
        old=("metric",),
        choices=(RSS, "headhunt.saliency:SALIENCIES"),
        panel=RANKING,
    )
    k: Any = option(
        None,
        "How many heads; auto finds the number at the bend of the ranking.",
        metavar="N|auto",
        parse=number_of_heads,
        least=1,
        shown="5, for rsa 4",
        panel=RANKING,
    )
    penalty: float = option(
        0.5, "Weight of the deviation over prompts in the ranking.", metavar="WEIGHT", least=0, panel=RANKING
    )
    prompt_ids: tuple[str, ...] | None = option(
        None,
        "Rank over this prompt only; may be repeated.",
        flag="prompt",
        metavar="ID",
        shown="all of the store",
        panel=RANKING,
    )
    among: tuple[int, int] | None = option(
        None,
        "Rank only the heads with these indices in every layer, first and last included.",
        metavar="FIRST-LAST",
        parse=first_and_last,
        shown="all",
        panel=RANKING,
    )
    shrinkage: Literal["ledoit-wolf"] | None = option(
        None,
        "lda: shrink covariances instead of the published ridge.",
        shown="the published ridge",
        panel=RANKING,
    )
    average: Literal["arithmetic", "geometric"] = option(
        "arithmetic",
        "nmi: mean of the two entropies that normalises.",
        panel=RANKING,
    )
    n_neighbors: int = option(5, "knn: neighbours looked at.", flag="neighbors", metavar="N", least=1, panel=RANKING)
    name: str | None = option(None, NAME_HELP, metavar="NAME", shown="that of the ranking", panel=RESULT)

    def __post_init__(self) -> None:
        if self.k is None:
            object.__setattr__(self, "k", PUBLISHED_K.get(self.saliency, OTHER_K))
        check(self)
        if self.k != "auto" and not isinstance(self.k, int):
            raise UsageError("--k is a number of heads, or auto", got=self.k)

    @classmethod
    def stored(cls, data: Mapping[str, Any]) -> SelectConfig:
        """The configuration an artefact was made with; in those of version 0.1.0 a `k` of null means "auto"."""
        known = {f.name for f in fields(cls)} | {"metric"}
        given: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in data.items() if name in known
        }
        return cls(**given | ({"k": "auto"} if "k" in data and data["k"] is None else {}))
