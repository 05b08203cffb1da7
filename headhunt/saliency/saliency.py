"""A saliency is a formula for one head and, where there is one, a faster form for many; knows none of the seven."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Bool, Float64
from headhunt.errors import UsageError
from headhunt.saliency import SALIENCIES
from headhunt.saliency.block import Block
from headhunt.saliency.options import DEFAULTS, SaliencyOptions
from headhunt.saliency.sweep import sweep


@dataclass(frozen=True)
class Saliency:
    """How well one head separates abnormal from normal rows, as one number; higher separates better.

    Attributes:
        plain: The formula: abnormal rows (n_p, d) and normal rows (n_n, d) of one head, float64, at least two of each,
            and the options give a float.
        fast: A form that gives the same numbers (m,) for the m heads of a block; None computes them one by one.
        identical: Score of a head whose rows are all identical: 0, for it carries no information, also where the
            formula says 0 / 0. None leaves it to the formula.
    """

    plain: Callable[[Float64, Float64, SaliencyOptions], float]
    fast: Callable[[Block, SaliencyOptions], Float64] | None = None
    identical: float | None = 0.0

    def __call__(
        self,
        z: npt.NDArray[np.floating],
        y: Bool,
        *,
        options: SaliencyOptions = DEFAULTS,
        names: Callable[[int], str] = "head {}".format,
    ) -> Float64:
        """This saliency of activations z (n, m, d) with labels y (n,), one number a head (m,); see `measure`."""
        name = next((name for name, known in SALIENCIES.items() if known is self), self.plain.__name__)
        return sweep(z, y, {name: self.of_block}, options=options, names=names)[name]

    def of_block(self, block: Block, options: SaliencyOptions) -> Float64:
        """The scores of a block's heads, (m,)."""
        if self.fast is not None:
            out = self.fast(block, options)
        else:
            out = np.zeros(block.m)
            skipped = np.zeros_like(block.constant) if self.identical is None else block.constant
            for head in np.flatnonzero(~skipped).tolist():
                out[head] = self.plain(*block.of_head(head), options)
        if self.identical is not None:
            out[block.constant] = self.identical
        return out


def measure(
    z: npt.NDArray[np.floating],
    y: Bool,
    saliencies: Sequence[str],
    *,
    options: SaliencyOptions = DEFAULTS,
    names: Callable[[int], str] = "head {}".format,
) -> dict[str, Float64]:
    """Several saliencies of the same heads in one sweep: what they share is computed once.

    Blocks of heads are computed side by side, on as many threads as NumPy's linear algebra would take (OMP_NUM_THREADS
    limits both), each of which computes alone: the numbers do not depend on how many there are.

    Args:
        z: Activations (n, m, d) of m heads, any float dtype; computed in float64.
        y: (n,) bool, True for abnormal rows; at least two rows of each class.
        saliencies: Names out of SALIENCIES.
        options: See SaliencyOptions.
        names: What to call head i in an error, say "head (18, 4), prompt 2".

    Returns:
        For each saliency the scores (m,), float64, finite; higher separates better. Memory beyond the input is about
        30 MB a thread, or what one head needs where that is more (five n × n matrices: 500 MB at n = 3500).

    Raises:
        LabelError: `y` does not fit `z`, or a class has fewer than two rows.
        ComputeError: `z` has a wrong shape, or a head has a value, or a score, that is not finite.
        UsageError: An unknown saliency.
    """
    if unknown := [name for name in saliencies if name not in SALIENCIES]:
        raise UsageError("unknown saliency", got=", ".join(unknown), expected=", ".join(SALIENCIES))
    functions = {name: SALIENCIES[name].of_block for name in saliencies}
    return sweep(z, y, functions, options=options, names=names)
