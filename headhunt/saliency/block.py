"""The rows of some heads about their class means, and the products several measures share, computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np

from headhunt.arrays import Bool, Float64, Int64

NEAR = 1e-6  # pairs closer than this share of their squared norms lose digits in products: taken from differences


T = TypeVar("T")


class once(Generic[T]):  # noqa: N801 - used as a decorator
    """A property that is computed when it is first asked for.

    functools.cached_property of Python 3.11 has one lock for all instances, and blocks would wait for each other: at
    400 rows, where `distances` takes a fifth of the time, the sweep would take 1.6 times as long on eight cores.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute, self.__doc__ = compute, compute.__doc__

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, _owner: type) -> T:
        value = self._compute(instance)
        vars(instance)[self._name] = value
        return value


class Rows:
    """Which rows are abnormal: these come first in every block."""

    def __init__(self, y: Bool) -> None:
        self.order: Int64 = np.argsort(~y, kind="stable")
        self.position: Int64 = np.argsort(self.order)  # the caller's row -> the row in a block
        self.n, self.n_p = y.size, int(y.sum())
        self.n_n = self.n - self.n_p
        self.sides = (slice(0, self.n_p), slice(self.n_p, self.n))

    @once
    def pairs(self) -> Int64:
        """Each pair of rows once, as an index into n * n: pairs within P, within N, between."""
        i, j = np.triu_indices(self.n, 1)
        kind = np.where(j < self.n_p, 0, np.where(i >= self.n_p, 1, 2)).astype(np.int8)
        flat: Int64 = (i * self.n + j)[np.argsort(kind, kind="stable")]
        return flat


class Block:
    """Some heads' rows, abnormal rows first, and what several measures read of them, computed once."""

    def __init__(self, z: Float64, rows: Rows) -> None:
        self.rows, self.sides = rows, rows.sides
        self.raw = z  # (n, m, d) in the caller's order: ties are exact only here
        self.n, self.m, self.d = z.shape
        self.n_p, self.n_n = rows.n_p, rows.n_n
        self.small = self.n <= self.d  # products of rows are the smaller matrices
        x = np.ascontiguousarray(z.transpose(1, 0, 2)[:, rows.order])
        x -= x[:, :1].copy()  # identical rows become exact zeros
        self.constant: Bool = np.logical_not(x.any(axis=(1, 2)))
        mean_p = x[:, : self.n_p].mean(axis=1)
        mean_n = x[:, self.n_p :].mean(axis=1)
        self.difference: Float64 = mean_p - mean_n  # (m, d)
        self.squared_difference: Float64 = np.einsum("md,md->m", self.difference, self.difference)
        self.within = x  # (m, n, d), about the class means
        self.within[:, : self.n_p] -= mean_p[:, None]
        self.within[:, self.n_p :] -= mean_n[:, None]
        self.within_sq: Float64 = np.einsum("mnd,mnd->mn", self.within, self.within)

    def of_head(self, head: int) -> tuple[Float64, Float64]:
        """Abnormal rows (n_p, d) and normal rows (n_n, d) of one head, as they were given."""
        x = self.raw[self.rows.order, head]
        return x[: self.n_p], x[self.n_p :]

    @once
    def x(self) -> Float64:
        """Rows about the pooled mean, (m, n, d)."""
        x: Float64 = self.within.copy()
        x[:, self.sides[0]] += (self.n_n / self.n) * self.difference[:, None]
        x[:, self.sides[1]] -= (self.n_p / self.n) * self.difference[:, None]
        return x

    @once
    def gram(self) -> Float64:
        """Products of rows about the pooled mean, (m, n, n)."""
        if not self.small:
            out: Float64 = np.matmul(self.x, self.x.swapaxes(1, 2))
            return out
        shift = np.repeat([self.n_n / self.n, -self.n_p / self.n], [self.n_p, self.n_n])
        half = self.along + 0.5 * self.squared_difference[:, None] * shift
        gram: Float64 = self.within_gram + half[:, :, None] * shift
        gram += half[:, None, :] * shift[:, None]
        return gram

    @once
    def sq(self) -> Float64:
        """Squared norms of rows about the pooled mean, (m, n)."""
        out: Float64 = np.einsum("mnn->mn", self.gram) if self.small else np.einsum("mnd,mnd->mn", self.x, self.x)
        return out

    @once
    def within_gram(self) -> Float64:
        """Products of rows about their class means, (m, n, n)."""
        out: Float64 = np.matmul(self.within, self.within.swapaxes(1, 2))
        return out

    @once
    def along(self) -> Float64:
        """Rows about their class means times the difference of the means, (m, n)."""
        out: Float64 = np.matmul(self.within, self.difference[:, :, None])[:, :, 0]
        return out

    @once
    def scatters(self) -> tuple[Float64, Float64]:
        """Un-normalised scatter of P and of N, each (m, d, d)."""
        p, n = (self.within[:, side] for side in self.sides)
        return np.matmul(p.swapaxes(1, 2), p), np.matmul(n.swapaxes(1, 2), n)

    def scatter(self, side: int, heads: Bool) -> Float64:
        """Un-normalised scatter of class 0 (P) or 1 (N) of some of the heads, (heads, d, d)."""
        if not self.small:
            return self.scatters[side][heads]
        rows = self.within[heads][:, self.sides[side]]
        out: Float64 = np.matmul(rows.swapaxes(1, 2), rows)
        return out

    @once
    def distances(self) -> Float64:
        """Squared distances of all rows, (m, n, n); exactly 0 for identical rows."""
        d2 = self.gram * -2.0
        d2 += self.sq[:, :, None]
        d2 += self.sq[:, None, :]
        diagonal = np.arange(self.n)
        d2[:, diagonal, diagonal] = np.inf
        suspects = np.flatnonzero(d2.min(axis=(1, 2)) <= 2 * NEAR * self.sq.max(axis=1))
        for head in suspects:
            sums = self.sq[head, :, None] + self.sq[head, None, :]
            for i, close in enumerate(d2[head] <= NEAR * sums):
                j = np.flatnonzero(close)
                gap = self.raw[self.rows.order[j], head] - self.raw[self.rows.order[i], head]
                d2[head, i, j] = np.einsum("nd,nd->n", gap, gap)
        d2[:, diagonal, diagonal] = 0.0
        return d2

    def to_row(self, rows: Int64) -> Float64:
        """Squared distances of all rows to one row a head, (m, n)."""
        every = np.arange(self.m)
        if self.small:
            product = self.gram[every, rows]
        else:
            product = np.matmul(self.x, self.x[every, rows][:, :, None])[:, :, 0]
        out: Float64 = np.maximum(self.sq + self.sq[every, rows][:, None] - 2.0 * product, 0.0)
        return out
