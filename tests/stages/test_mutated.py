"""Damaged files of many kinds in one run: it ends by itself, and every file is recorded, with a reason if it failed."""

from __future__ import annotations

from pathlib import Path

from benchmarks import mutated


def test_a_run_over_damaged_files_ends_by_itself_and_records_every_one(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    kinds = [kind for kind in mutated.MUTATIONS if kind != "huge picture"]  # that one is there to hit the time-out
    made = mutated.make_files(tmp_path / "videos", 30, seed=7, kinds=kinds)
    outcome = mutated.run(tmp_path / "videos", tmp_path, timeout_s=60.0, decoders=1, limit_s=200.0)
    mutated.check(made, outcome, timeout_s=60.0)
    assert len(set(outcome.status.values())) == 3  # done, partial and failed
