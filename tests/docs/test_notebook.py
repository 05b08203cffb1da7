"""The notebook runs from its first cell to its last."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import DOCS


@pytest.mark.timeout(600)
def test_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat

    with warnings.catch_warnings():  # of the packages that start the kernel
        warnings.simplefilter("ignore")
        from nbclient import NotebookClient

        monkeypatch.setenv("TMPDIR", str(tmp_path))  # where its folder goes
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        notebook: Any = nbformat.read(DOCS / "notebook.ipynb", as_version=4)
        assert not any(cell.get("outputs") for cell in notebook.cells), "it is kept without outputs"
        NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
        ).execute()
    said = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))
    assert said.count("frame AUC") == 5
