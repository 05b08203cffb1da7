"""Each check of the doctor is done for real, and one that fails stops no other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headhunt.extraction import contract
from headhunt.stages.doctor import doctor


def test_a_sound_machine_and_model_pass_every_check(tiny: Path, tmp_path: Path) -> None:
    checks = {check.name: check for check in doctor(model=str(tiny), device="cpu", folder=tmp_path)}
    assert list(checks) == ["packages", "device", "decoder", "disk", "model", *contract.CLAUSES]
    assert all(check.ok for check in checks.values()), checks
    assert "4 x 8 heads" in checks["model"].detail
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_is_told_with_the_next_step_and_the_rest_goes_on(tmp_path: Path) -> None:
    checks = {check.name: check for check in doctor(model=str(tmp_path / "none"), device="cuda:77")}
    assert [name for name, check in checks.items() if check.ok] == ["packages", "decoder", "disk"]
    assert "cuda:77" in checks["device"].detail


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    checks = {check.name: check for check in doctor(model="none", folder=tmp_path)}
    assert not checks["disk"].ok
