"""A scorer turns the activations of its heads into a score in [0, 1]; it knows no single method, no store and no model.

Axes: n segments, k chosen heads, d head dim.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Float64
from headhunt.errors import ArtefactError
from headhunt.records import Head, canonical_json
from headhunt.scorers import METHODS
from headhunt.scorers.checks import check_finite
from headhunt.scorers.method import Arrays, Reads, layout_of, read_by, sigmoid

_ROWS_AT_ONCE = 2048  # bounds the float64 copies: 59 MB of context at hidden 3584


@dataclass(frozen=True, eq=False)
class Scorer:
    """A fitted scorer.

    Attributes:
        method: A name of `METHODS`.
        heads: The heads it reads, in the order of axis k.
        head_dim: d.
        hidden: Length of the context it reads, or None when it reads none.
        arrays: Its numbers, finite; names and shapes are those of one of the method's layouts.
        facts: Where it comes from, plain JSON: config, seed, prompt, fingerprint of the features.
    """

    method: str
    heads: tuple[Head, ...]
    head_dim: int
    hidden: int | None
    arrays: Arrays
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ArtefactError("a scorer is of an unknown method", got=self.method, expected=", ".join(METHODS))
        if not self.heads or len(set(self.heads)) != len(self.heads):
            raise ArtefactError("a scorer needs heads, each once", got=[str(head) for head in self.heads])
        method = METHODS[self.method]
        layout = layout_of(method, self.arrays)
        if layout is None:
            raise ArtefactError(
                f"the arrays of a scorer are not those of {self.method}",
                got=sorted(self.arrays),
                expected=" or ".join(str(sorted(names)) for names in method.layouts),
            )
        reads_context = "context" in read_by(layout)
        if reads_context != (self.hidden is not None):
            raise ArtefactError(
                "a scorer states a wrong length of its context",
                got=f"hidden {self.hidden}",
                expected="a length" if reads_context else "None: these arrays read no context",
            )
        sizes: dict[int | str, int] = {"k": len(self.heads), "d": self.head_dim, "hidden": self.hidden or 0}
        for name, shape in layout.items():
            array = self.arrays[name]
            for axis, size in zip(shape, array.shape, strict=False):
                sizes.setdefault(axis, axis if isinstance(axis, int) else size)
            expected = tuple(sizes.get(axis, 0) for axis in shape)
            if array.shape != expected or 0 in expected or array.dtype.kind != "f":
                raise ArtefactError(
                    f"array {name} of a scorer does not fit it",
                    got=f"{array.dtype} {array.shape}",
                    expected=f"floating point {shape} = {expected}",
                )
            if not np.isfinite(array).all() or (name.endswith("_scale") and not (array > 0).all()):
                raise ArtefactError(f"array {name} of a scorer holds numbers it cannot use", expected="finite values")
        try:
            canonical_json(dict(self.facts))
        except (TypeError, ValueError) as error:
            raise ArtefactError("the facts of a scorer are not plain JSON", got=error) from error

    @property
    def reads(self) -> Reads:
        """What it reads besides its heads' names: the activations of "heads", the "context", or both."""
        layout = layout_of(METHODS[self.method], self.arrays)
        assert layout is not None, "checked when it was made"
        return read_by(layout)


def score(scorer: Scorer, z: npt.ArrayLike, context: npt.ArrayLike | None = None) -> Float64:
    """Scores of n segments, in [0, 1], higher is more abnormal.

    Args:
        scorer: Any fitted scorer.
        z: Activations of its heads in its order, (n, k, d), finite. n may be 0.
        context: Hidden state of the same rows, (n, hidden), finite. Unused where the scorer does not read it.

    Returns:
        (n,), float64.

    Raises:
        ArtefactError: The rows are not of this scorer's heads, head dim or context.
        ComputeError: A row is not finite, or a score could not be computed.
    """
    rows = np.asarray(z)
    expected = (len(scorer.heads), scorer.head_dim)
    if rows.ndim != 3 or rows.shape[1:] != expected:
        raise ArtefactError(
            "the activations are not of this scorer's heads",
            got=rows.shape,
            expected=f"(n, {expected[0]}, {expected[1]})",
            hint="extract the heads that the scorer was fitted on",
        )
    contexts = None
    if scorer.hidden is not None:
        contexts = np.empty(0) if context is None else np.asarray(context)
        if contexts.shape != (len(rows), scorer.hidden):
            raise ArtefactError(
                "this scorer reads the context, and it does not fit",
                got=None if context is None else contexts.shape,
                expected=f"({len(rows)}, {scorer.hidden})",
                hint="extract with context, from the model that the scorer was fitted on",
            )
    out = np.empty(len(rows), np.float64)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        x = rows[part].astype(np.float64)
        c = None if contexts is None else contexts[part].astype(np.float64)
        check_finite(x, "activations", start)
        if c is not None:
            check_finite(c, "context", start)
        with np.errstate(over="ignore", invalid="ignore"):
            logit = METHODS[scorer.method].logit(scorer.arrays, x, c)
        # What overflows is infinite or not a number, as the processor adds: either would come out as a score, or not.
        check_finite(logit[:, None], "scores", start)
        out[part] = sigmoid(logit)
    return out
