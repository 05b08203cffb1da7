"""What is shipped: the wheel's names, its data, what importing costs, what the library must never do."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted([*ROOT.glob("headhunt/**/*.py"), *ROOT.glob("cli/**/*.py")])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    code = "from hatchling.builders.wheel import WheelBuilder; print(next(WheelBuilder('.').build(directory={!r})))"
    done = subprocess.run(
        [sys.executable, "-c", code.format(str(out))], cwd=ROOT, capture_output=True, text=True, check=True
    )
    with zipfile.ZipFile(done.stdout.strip()) as opened:
        yield opened


def test_the_wheel_owns_two_names(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"headhunt", "vadkit"}


def test_the_wheel_holds_data_licence_and_types(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    for wanted in ("headhunt/prompts/headhunt5.yaml", "headhunt/py.typed", "vadkit/py.typed"):
        assert wanted in names
    embedded = {path.name for path in (ROOT / "headhunt/models/embedded").iterdir()}
    assert "model.safetensors" in embedded
    assert {f"headhunt/models/embedded/{name}" for name in embedded} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    entry = next(name for name in names if name.endswith("entry_points.txt"))
    assert "vadkit = vadkit.app:main" in wheel.read(entry).decode()
    assert not [name for name in names if "test" in name.lower().split("/")[0]]


def test_the_wheel_holds_no_training(wheel: zipfile.ZipFile) -> None:
    assert not [name for name in wheel.namelist() if "training" in name]
    assert "headhunt/demo/world/__init__.py" in wheel.namelist()


def test_the_wheel_is_small(wheel: zipfile.ZipFile) -> None:
    assert sum(info.compress_size for info in wheel.infolist()) < 20 * 2**20


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_pickle_no_phoning_home_no_foreign_code(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    tops = {name.split(".")[0] for name in imported}
    assert not tops & {
        "pickle",
        "joblib",
        "dill",
        "shelve",
        "marshal",
        "requests",
        "httpx",
        "urllib",
        "socket",
        "click",
    }
    calls = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    names = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not names & {"eval", "exec", "__import__"}
    programs = {"train.py", "fitting.py", "program.py"}
    if path.is_relative_to(ROOT / "headhunt") and path.name not in programs:
        assert "print" not in names, "the library prints nothing"
    keywords = {k.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for k in node.keywords}
    assert "trust_remote_code" not in keywords
    assert "allow_pickle" not in keywords
    assert not ("load" in calls and "torch" in tops and re.search(r"torch\.load\(", path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("module", ["headhunt", "headhunt.errors", "headhunt.records", "vadkit", "vadkit.app"])
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    code = (
        f"import sys, {module}\n"
        "print(sorted({'torch','transformers','zarr','sklearn','scipy','av','pydantic'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_version_is_said_once() -> None:
    import headhunt

    assert f'version = "{headhunt.__version__}"' in (ROOT / "pyproject.toml").read_text()


def test_the_project_speaks_of_itself_alone() -> None:
    """No path of a developer's machine stands in what is shipped."""
    for path in [*SOURCES, *ROOT.glob("*.md"), *ROOT.glob("benchmarks/*"), ROOT / "Makefile", ROOT / "pyproject.toml"]:
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert not re.search(r"/work/|/root/|/home/\w+/", text), path
