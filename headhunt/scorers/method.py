"""A method is a way to fit a scorer and to score with it; this says what one provides, and knows none.

Axes: n segments, k chosen heads, d head dim.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Float64
from headhunt.errors import UsageError

Arrays = Mapping[str, npt.NDArray[Any]]
Layout = Mapping[str, tuple[int | str, ...]]
Read = Literal["heads", "context"]
Reads = frozenset[Read]

_READ: dict[int | str, Read] = {"k": "heads", "hidden": "context"}  # the axis of an array -> what it is multiplied with
HEADS: Reads = frozenset({"heads"})
HEADS_AND_CONTEXT: Reads = frozenset({"heads", "context"})


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a fit gives.

    Attributes:
        arrays: The numbers of the scorer, in one of the layouts of its method.
        loss: Training loss before each step, (steps,), or None where there is none.
    """

    arrays: Arrays
    loss: Float64 | None = None


def reads_heads(options: Mapping[str, Any]) -> Reads:
    """For a method that reads the heads alone, whatever its options."""
    return HEADS


@dataclass(frozen=True, eq=False)
class Method:
    """What a method provides.

    Attributes:
        fit: `fit(z, context, y, *, seed, **own options) -> Fitted`: activations (n, k, d); context (n, hidden), None
            where it is not read; y (n,), bool, True where abnormal. Every option of its own has a default.
        logit: `logit(arrays, z, context) -> (n,)`, in float64; the score is its sigmoid. The rows are float64, finite
            and of the shapes that the arrays ask for; context is None where it is not read.
        layouts: The arrays it may have: name -> shape. A named size is free but the same wherever it occurs in a
            layout; "k", "d" and "hidden" are those of the scorer. No two layouts have the same names, and "loss" is
            none of them. Arrays whose name ends in "_scale" are divided by, and have to be positive.
        reads: What it reads when it is fitted with these options (those that are given, by name).
    """

    fit: Callable[..., Fitted]
    logit: Callable[[Arrays, Float64, Float64 | None], Float64]
    layouts: tuple[Layout, ...]
    reads: Callable[[Mapping[str, Any]], Reads] = reads_heads


def options(method: Method) -> dict[str, Any]:
    """The options of a method's own, name -> default: the keyword-only parameters of its `fit` besides the seed."""
    parameters = inspect.signature(method.fit).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "seed"}


def check_options(name: str, given: Mapping[str, Any]) -> None:
    """Raise unless the method of this name has all of these options.

    Raises:
        UsageError: It lacks one; says which methods have it.
    """
    from headhunt.scorers import METHODS

    own = options(METHODS[name])
    for option in given:
        if option not in own:
            others = [other for other, method in METHODS.items() if option in options(method)]
            expected = f"only with {', '.join(others)}" if others else ", ".join(own) or "no options"
            raise UsageError(f"--{option.replace('_', '-')} does not belong to {name}", expected=expected)


def layout_of(method: Method, arrays: Arrays) -> Layout | None:
    """The layout that has these arrays' names, None when the method has no such layout."""
    return next((layout for layout in method.layouts if set(layout) == set(arrays)), None)


def read_by(layout: Layout) -> Reads:
    """What a scorer of this layout reads: heads where an array has the axis "k", context where one has "hidden"."""
    return frozenset(_READ[axis] for shape in layout.values() for axis in shape if axis in _READ)


def sigmoid(x: Float64) -> Float64:
    """1 / (1 + exp(-x)) without overflow, of any shape."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -x)), dtype=np.float64)
