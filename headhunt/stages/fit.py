"""Features -> scorer: fit a light scorer on the chosen heads of the labelled rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from headhunt.artefacts import scorer_files
from headhunt.artefacts.references import default_prompt, load_heads
from headhunt.errors import UsageError
from headhunt.records import Head
from headhunt.scorers import scorer as scorers
from headhunt.scorers import steering
from headhunt.scorers.scorer import Scorer
from headhunt.stages.labelled_rows import calibration
from headhunt.store import Store

METHODS = ("logistic", "steer", "svm", "mlp")


@dataclass(frozen=True)
class FitConfig:
    """How a scorer is fitted.

    Attributes:
        method: "logistic" (HeadHunt-VAD), "steer" (SteerVAD), "svm" or "mlp".
        heads: A head set's name, a JSON file, another store, `random:K[:SEED]`, `layer:N|last`; None for the current.
        prompt: Prompt whose features are used; None for the store's scoring prompt.
        split: Split to learn from; None for "train".
        units: "auto", "segment", "video" or "both".
        fraction: Only this share of the labelled videos.
        seed: Seed.
        options: Options of the method, by name (`c`, `epochs`, `lambda_reg`, `variant`, ...).
        name: Name of the scorer; None for the method's.
    """

    method: str = "logistic"
    heads: str | None = None
    prompt: str | None = None
    split: str | None = None
    units: str = "auto"
    fraction: float | None = None
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    name: str | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UsageError("unknown method", got=self.method, expected=" or ".join(METHODS))


@dataclass(frozen=True)
class FitReport:
    """What a run of `fit` made.

    Attributes:
        name: Name of the scorer in the store.
        method: Its method.
        heads: Its heads.
        prompt: Its prompt.
        parameters: How many numbers it has.
        rows: Labelled rows it was fitted on.
        positives: How many of them are abnormal.
        unit: Their unit.
        loss: First and last training loss, None where the method has none.
        notes: What the user should know.
    """

    name: str
    method: str
    heads: tuple[Head, ...]
    prompt: str
    parameters: int
    rows: int
    positives: int
    unit: str
    loss: tuple[float, float] | None
    notes: tuple[str, ...]


def fit(store_path: Path, config: FitConfig, *, output: Path | None = None) -> FitReport:
    """Fit a scorer and write it as `scorers/<name>`, and to `output` (safetensors and JSON) when given.

    Raises:
        LabelError: Labelled rows of one class only.
        StaleError: There is no such head set.
    """
    store = Store(store_path, writable=True)
    head_set, set_name, set_digest = load_heads(config.heads, store)
    rows = calibration(store, split=config.split, units=config.units, fraction=config.fraction, seed=config.seed)
    prompt = config.prompt or default_prompt(store)
    index = store.prompt_index(prompt)
    z = store.heads(rows.table.row, head_set.heads, prompt=index)
    loss: Any = None
    arrays: dict[str, Any]
    hidden = None
    if config.method == "steer":
        context = store.context(rows.table.row, prompt=index)
        arrays, loss = steering.fit_steer(z, context, rows.y, seed=config.seed, **config.options)
        hidden = None if config.options.get("variant") == "linear" else int(store.spec["hidden"])
    else:
        arrays = scorers.FITTERS[config.method](z, rows.y, seed=config.seed, **config.options)
    paths = store.videos().path
    facts = {
        "prompt": store.fingerprint["prompts"][index],
        "fingerprint": store.fingerprint,
        "model": {key: store.info.get(key) for key in ("model", "revision")},
        "head_set": {"metric": head_set.metric, "name": set_name},
        "config": asdict(config),
        "rows": len(rows.table),
        "positives": int(rows.y.sum()),
        "unit": rows.unit,
        "calibration": rows.digest,
        "videos": sorted({paths[v] for v in rows.table.video}),
    }
    made = Scorer(config.method, head_set.heads, int(store.spec["head_dim"]), hidden, arrays, facts)
    inputs = {"calibration": rows.digest}
    if set_name is not None and set_digest is not None:
        inputs[f"heads/{set_name}"] = set_digest
    stored = {name: (values, tuple(f"{name}_{i}" for i in range(values.ndim))) for name, values in arrays.items()}
    if loss is not None:
        stored["loss"] = (loss, ("epoch",))
    artefact = store.write_artefact(
        "scorers",
        config.name or config.method,
        stage="fit",
        config=asdict(config),
        seed=config.seed,
        inputs=inputs,
        facts={
            "method": made.method,
            "heads": [[h.layer, h.head] for h in made.heads],
            "head_dim": made.head_dim,
            "hidden": made.hidden,
            "facts": facts,
        },
        arrays=stored,
    )
    if output is not None:
        scorer_files.save(made, output)
    return FitReport(
        name=artefact.name,
        method=config.method,
        heads=head_set.heads,
        prompt=prompt,
        parameters=int(sum(np.size(v) for v in arrays.values())),
        rows=len(rows.table),
        positives=int(rows.y.sum()),
        unit=rows.unit,
        loss=None if loss is None or not len(loss) else (float(loss[0]), float(loss[-1])),
        notes=rows.notes,
    )
