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
ALL, SCORING = "all", "scoring"  # prompts, where the store has none of that id
RSA = "rsa"
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
        "Rank over this prompt only; may be repeated. scoring is the prompt set's scoring prompt, all are all.",
        flag="prompt",
        metavar="ID",
        shown="all of the store, for rsa scoring",
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
    shrinkage: Literal["auto", "ledoit-wolf", "ridge"] = option(
        "auto",
        "lda: ridge is the published one, ledoit-wolf shrinks covariances; auto does where there are no more rows "
        "than channels and two, for there the ridge ranks heads by their scale.",
        panel=RANKING,
    )
    kmeans_starts: int = option(
        10, "nmi: how often k-means starts anew, the best is kept.", metavar="N", least=1, panel=RANKING
    )
    kmeans_seed: int = option(0, "nmi: seed of k-means.", metavar="SEED", least=0, panel=RANKING)
    kmeans_order: Literal["store", "classes"] = option(
        "store",
        "nmi: order of the rows that k-means starts from; classes puts abnormal ones first, as the authors' code does.",
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
        earlier: dict[str, Any] = {"shrinkage": "ridge"} if given.get("shrinkage", "") is None else {}
        if "kmeans_starts" not in data:  # before it could be told
            earlier |= {"kmeans_starts": 1, "kmeans_seed": given.get("seed", 0)}
            earlier |= {"prompt_ids": (ALL,)} if given.get("prompt_ids") is None else {}
        return cls(**given | earlier | ({"k": "auto"} if "k" in data and data["k"] is None else {}))
