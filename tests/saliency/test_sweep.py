"""One sweep over many heads: its checks, its blocks, its threads."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import headhunt.saliency.sweep as module
from headhunt.errors import ComputeError, LabelError
from headhunt.saliency import SALIENCIES, measure
from tests.saliency.made_rows import rows


def test_shapes_and_types_that_do_not_fit_are_refused() -> None:
    z, y = rows(6, 2, 3)
    for wrong in (z[0], z[..., :0], (z * 10).astype(int), z.astype(complex)):
        with pytest.raises(ComputeError, match="shape"):
            SALIENCIES["rsa"](wrong, y)
    for labels in (y[:-1], y.astype(int), y[:, None]):
        with pytest.raises(LabelError):
            SALIENCIES["rsa"](z, labels)


@pytest.mark.parametrize("n", [10, 50])
def test_one_sweep_blocks_and_repeats_give_the_same_numbers(n, monkeypatch) -> None:
    z, y = rows(n, 40, 24)
    before = z.copy()
    together = measure(z, y, tuple(SALIENCIES))
    monkeypatch.setattr(module, "BLOCK_HEADS", 7)
    for name, function in SALIENCIES.items():
        np.testing.assert_allclose(function(z, y), together[name], rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(function(z, y), function(z, y))
    np.testing.assert_array_equal(z, before)


def test_the_numbers_do_not_depend_on_the_threads(monkeypatch) -> None:
    z, y = rows(60, 40, 24)
    monkeypatch.setattr(module, "BLOCK_BYTES", 24 * 60 * 84 * 3)  # three heads a block
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(module, "_one_thread_each", lambda threads=threads: nullcontext(threads))
        found.append(measure(z, y, list(SALIENCIES)))
    for name in SALIENCIES:
        np.testing.assert_array_equal(found[0][name], found[1][name], err_msg=name)
    z[5, [20, 31]] = np.nan  # the first head is named, whatever block is through first
    with pytest.raises(ComputeError, match="head 20"):
        measure(z, y, ["lda"])


def test_threads_of_linear_algebra_are_what_they_were_afterwards() -> None:
    before = [library["num_threads"] for library in threadpool_info()]
    measure(*rows(12, 4, 8), ["lda"])
    assert [library["num_threads"] for library in threadpool_info()] == before
