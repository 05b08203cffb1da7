"""Freed memory is kept where the C library can be told to."""

from __future__ import annotations

import subprocess
import sys

import pytest

TOUCH = """
import resource, sys
import numpy as np
from headhunt.extraction.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def pass_():
    a = [np.ones(1 << 20) for _ in range(8)]  # 8 MiB each
    return sum(x[0] for x in a)
pass_()
before = faults()
for _ in range(10):
    pass_()
print(faults() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a setting of glibc")
def test_kept_memory_is_not_mapped_again() -> None:
    faults = {
        how: int(subprocess.run([sys.executable, "-c", TOUCH, how], capture_output=True, text=True, check=True).stdout)
        for how in ("plain", "keep")
    }
    assert faults["keep"] < 1000  # of 10 x 8 x 2048 pages
    assert faults["plain"] > 10 * faults["keep"]


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from headhunt.extraction import memory

    monkeypatch.setattr(sys, "platform", "darwin")
    assert memory.keep_freed_memory() is False
