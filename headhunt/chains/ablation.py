"""The rows of the example's table: both methods, their ablations and baselines, each measured on one store.

Everything that is chosen or learnt comes from the split "train" (smoothing and thresholds from "val" where there is
one); test videos are only evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from headhunt.artefacts import references
from headhunt.configs import EvaluateConfig, FitConfig, LocalizeConfig, ScoreConfig, SelectConfig
from headhunt.errors import UsageError
from headhunt.records import TEST, HeadSet, Json
from headhunt.scorers.method import check_options
from headhunt.stages.evaluate import evaluate
from headhunt.stages.fit import fit
from headhunt.stages.localize import localize
from headhunt.stages.score import score
from headhunt.stages.select_heads import select_heads
from headhunt.store import Store, check_name

DRAWS = 5  # of random heads
BEST_LAYER = "layer:best"
FIGURES = {
    "auc": "AUC", "ap": "AP", "auc_gated": "AUC gated", "event_f1": "event F1 at 0.3", "look_alike_auc": "look-alikes",
    "look_alike_video_auc": "look-alikes, video",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of the table: which heads, which scorer, how scores become events.

    Attributes:
        name: As it is printed, no two alike.
        heads: A selection; or "random:K", also "random:K:SEED:FIRST-LAST" (mean over `DRAWS` draws, SEED is put in),
            "layer:last", or "layer:best": the layer whose heads have the highest mean RSS on the labelled rows.
        method: Of `FitConfig`.
        options: Of the method.
        prompt: Prompt whose features are scored; None for the scoring prompt.
        units: Rows of the calibration: "auto" or "video".
        smoothing: Of `LocalizeConfig`.
        tau: A fixed threshold, with the smoothing chosen on labelled videos; None to choose both there.
    """

    name: str
    heads: SelectConfig | str
    method: str = "logistic"
    options: Mapping[str, Any] = field(default_factory=dict)
    prompt: str | None = None
    units: Literal["auto", "video"] = "auto"
    smoothing: Literal["gaussian", "none"] = "gaussian"
    tau: float | None = None

    @property
    def artefact(self) -> str:
        """What its scorer, scores, events and metrics are called in the store."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


@dataclass(frozen=True)
class Result:
    """What one row measured.

    Attributes:
        name: Of the row.
        figures: A value for each of `FIGURES`, None where it is not defined.
        interval: 95 % bootstrap interval of the AUC over videos; None for a mean over draws.
    """

    name: str
    figures: dict[str, float | None]
    interval: tuple[float, float] | None = None


def _one(saliency: str, k: int, among: tuple[int, int] | None = None) -> SelectConfig:
    name = f"{saliency}-{k}" + ("" if among is None else "-own")
    return SelectConfig(saliency=saliency, k=k, among=among, name=name)


RSS, RSA = _one("rss", 5), _one("rsa", 4)
VIDEOS = {m: replace(s, units="video", name=f"{m}-videos") for m, s in (("rss", RSS), ("rsa", RSA))}


def _prompted(prompt: str) -> Row:
    heads = SelectConfig(saliency="rss", k=5, prompt_ids=(prompt,), name=f"rss-{prompt}")
    return Row(f"  one prompt alone: {prompt}", heads, prompt=prompt)


def _steered(name: str, variant: str) -> Row:
    return Row(name, RSA, "steer", {"variant": variant})


HEADHUNT = Row("HeadHunt-VAD: 5 heads by RSS, logistic", RSS)
STEERVAD = Row("SteerVAD: 4 heads by RSA, steered", RSA, "steer")
RANDOM, LAST = Row("  5 random heads", "random:5"), Row("  all heads of the last layer", "layer:last")
PROBE = Row("  logistic regression on its heads", RSA)
KNN = Row("  5 heads by knn alone", _one("knn", 5))
CONTROLS: tuple[Row, ...] = (
    Row("control: the context alone, logistic", RSA, "context"),
    Row("control: RSA heads beside the context, logistic", RSA, "heads-and-context"),
    Row("control: steering on constant heads", RSA, "constant-heads"),
)
"""Beside every row of steering: what the context that it reads can do without its heads."""

ROWS: tuple[Row, ...] = (
    HEADHUNT,
    STEERVAD,
    Row("HeadHunt: linear SVM", RSS, "svm"),
    Row("  two-layer MLP", RSS, "mlp"),
    RANDOM,
    LAST,
    Row("  all heads of the best layer", "layer:best"),
    *(Row(f"  5 heads by {m} alone", _one(m, 5)) for m in ("lda", "kl", "mmd", "nmi", "rsa", "silhouette")),
    KNN,
    *(_prompted(p) for p in ("p1", "p2", "p3", "coarse", "detailed")),
    Row("  no smoothing", RSS, smoothing="none"),
    *(Row(f"  threshold fixed at {tau:g}", RSS, tau=tau) for tau in (0.25, 0.5, 0.65, 0.75)),
    Row("  calibrated on whole videos", VIDEOS["rss"], units="video"),
    _steered("SteerVAD: no gate", "no-gate"),
    _steered("  additive", "additive"),
    _steered("  static scaling", "static"),
    _steered("  linear probe, trained alike", "linear"),
    PROBE,
    Row("  steered, 4 random heads", "random:4", "steer"),
    Row("  steered, no smoothing", RSA, "steer", smoothing="none"),
    Row("  steered, calibrated on whole videos", VIDEOS["rsa"], "steer", units="video"),
    *CONTROLS,
)
"""Every ablation and baseline of both papers, with the controls."""


def own_rows(first: int, last: int) -> tuple[Row, ...]:
    """Both methods and their baselines among the heads of these indices alone: those a model has of its own."""
    among, suffix = (first, last), f"{first}-{last}"
    return (
        Row("own heads: 5 by RSS, logistic", _one("rss", 5, among)),
        Row("own heads: 4 by RSA, steered", _one("rsa", 4, among), "steer"),
        Row("own heads: 4 by RSA, logistic", _one("rsa", 4, among)),
        Row("own heads: 5 random", f"random:5:SEED:{suffix}"),
        Row("own heads: all of the last layer", f"layer:last:{suffix}"),
    )


PLANTED: tuple[Row, ...] = (HEADHUNT, STEERVAD, PROBE, RANDOM, LAST, KNN)
"""The rows that the example prints of a model with planted heads."""


def measure(
    store: Path,
    rows: Sequence[Row],
    *,
    seed: int,
    look_alikes: Sequence[str],
    say: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[list[Result], dict[str, HeadSet]]:
    """Measure rows on a store of labelled videos with the splits train and test, and val if need be.

    Args:
        store: Features of all heads and prompts; artefacts are written into it.
        rows: What to measure.
        seed: Of selection, fitting and draws.
        look_alikes: Ids of the test videos on which look-alikes are told from what they resemble.
        say: Called with rows done and rows in all.

    Returns:
        A result a row, and the head sets that were selected, by name.

    Raises:
        HeadhuntError: A row asks for what cannot be had; said before anything is measured.
    """
    _check(Store(store, writable=True), rows, look_alikes)
    chosen: dict[str, HeadSet] = {}
    scored: dict[tuple[Any, ...], str] = {}
    results = []
    for number, row in enumerate(rows):
        say(number, len(rows))
        if row.heads == BEST_LAYER:
            _select(store, RSS, seed, chosen)
        if isinstance(row.heads, SelectConfig):
            heads = [_select(store, row.heads, seed, chosen)]
        elif row.heads.startswith("random:"):
            template = row.heads if "SEED" in row.heads else f"{row.heads}:SEED"
            heads = [template.replace("SEED", str(seed * DRAWS + draw)) for draw in range(DRAWS)]
        else:
            heads = [_best_layer(store) if row.heads == BEST_LAYER else row.heads]
        n_bootstrap = EvaluateConfig.n_bootstrap if len(heads) == 1 else 0  # a mean over draws has no interval
        drawn = [
            _measure(store, row, _scores(store, row, which, seed, scored), seed, look_alikes, n_bootstrap)
            for which in heads
        ]
        results.append(drawn[0] if len(drawn) == 1 else Result(row.name, _mean([d.figures for d in drawn])))
    say(len(rows), len(rows))
    return results, chosen


def _check(store: Store, rows: Sequence[Row], look_alikes: Sequence[str]) -> None:
    """Raise where a row could not be measured on this store, or would be kept under another row's name."""
    names = [row.artefact for row in rows]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError("two rows would be kept under one name", got=", ".join(twice))
    videos = store.videos()
    test = {path for path, split in zip(videos.path, videos.split, strict=True) if split == TEST}
    if unknown := sorted(set(look_alikes) - test):
        raise UsageError(f"{len(unknown)} of the look-alikes are not in the split {TEST!r}", got=unknown[:5])
    for row in rows:
        check_name(row.artefact)
        FitConfig(method=row.method)
        check_options(row.method, row.options)
        if row.prompt is not None:
            store.place_of_prompt(row.prompt)
        if isinstance(row.heads, SelectConfig):
            for prompt in row.heads.prompt_ids or ():
                store.place_of_prompt(prompt)
        elif row.heads != BEST_LAYER:
            references.heads(row.heads.replace("SEED", "0"), store)


def _select(store: Path, config: SelectConfig, seed: int, chosen: dict[str, HeadSet]) -> str:
    assert config.name is not None
    if config.name not in chosen:
        chosen[config.name] = select_heads(store, replace(config, seed=seed)).head_set
    return config.name


def _best_layer(store: Path) -> str:
    assert RSS.name is not None
    score_ = Store(store).artefact("heads", RSS.name).arrays["score"]
    return f"layer:{int(np.argmax(score_.mean(1)))}"


def _scores(store: Path, row: Row, heads: str, seed: int, scored: dict[tuple[Any, ...], str]) -> str:
    """The name of the scores of a row, made now unless an earlier row fitted and scored the same."""
    made_from = (heads, row.method, tuple(sorted(row.options.items())), row.prompt, row.units)
    if made_from not in scored:
        fit(
            store,
            FitConfig(
                method=row.method,
                heads=heads,
                prompt=row.prompt,
                units=row.units,
                seed=seed,
                options=dict(row.options),
                name=row.artefact,
            ),
        )
        scored[made_from] = score(store, ScoreConfig(scorer=row.artefact)).name
    return scored[made_from]


def _measure(store: Path, row: Row, scores: str, seed: int, look_alikes: Sequence[str], n_bootstrap: int) -> Result:
    name = row.artefact
    found = localize(store, LocalizeConfig(scores=scores, smoothing=row.smoothing, calibrate=True, name=name))
    if row.tau is not None:
        fixed = LocalizeConfig(scores=scores, smoothing=row.smoothing, sigma=found.sigma, tau=row.tau, name=name)
        localize(store, fixed)
    whole = evaluate(store, EvaluateConfig(seed=seed, n_bootstrap=n_bootstrap))
    paired = evaluate(store, EvaluateConfig(videos=tuple(look_alikes), n_bootstrap=0, name=f"{name}-pairs"))
    frame = whole["frame"]
    interval = whole["intervals_95"].get("frame/continuous/frame_auc")
    return Result(
        row.name,
        {
            "auc": frame["continuous"]["frame_auc"],
            "ap": frame["continuous"]["frame_ap_step"],
            "auc_gated": frame["gated"]["frame_auc"],
            "event_f1": whole["event"]["iou_0.3"]["event_f1"],
            "look_alike_auc": paired["frame"]["continuous"]["frame_auc"],
            "look_alike_video_auc": paired["video"]["video_auc"],
        },
        None if interval is None else (interval["low"], interval["high"]),
    )


def _mean(figures: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    return {key: summary([f[key] for f in figures])["mean"] for key in FIGURES}


def summary(values: Sequence[float | None]) -> Json:
    """Mean and standard deviation (of a sample; None for one value) of what is defined, and the values."""
    known = [v for v in values if v is not None]
    return {
        "mean": float(np.mean(known)) if known else None,
        "std": float(np.std(known, ddof=1)) if len(known) > 1 else None,
        "values": list(values),
    }
