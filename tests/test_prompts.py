from __future__ import annotations

import importlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given

from headhunt import prompts
from headhunt.errors import ArtefactError, UsageError
from headhunt.prompts import Prompt, PromptSet, available, load
from tests.hostile import mutated
from tests.soak import drawn

ROOT = Path(__file__).resolve().parent.parent
TWO = PromptSet("two", (Prompt("a", "Is it?"), Prompt("b", "Was it?")), "a")


def content(**changes: object) -> dict[str, object]:
    """A sound prompt file with some keys changed."""
    return {**TWO.to_json(), **changes}


def written(folder: Path, data: object) -> Path:
    path = folder / "set.json"
    path.write_text(json.dumps(data))
    return path


def test_headhunt5_holds_the_published_prompts_in_order() -> None:
    five = load("headhunt5")
    assert [(prompt.id, prompt.text) for prompt in five.prompts] == [
        ("p1", "Describe the scene and identify if any of the abnormal events occur?"),
        ("p2", "Does the video exhibit any actions that should not happen?"),
        ("p3", "If there are any of the abnormal events occurred in the video that deviate from the normal scene?"),
        ("coarse", "Identify any abnormal events or safety hazards in this video."),
        (
            "detailed",
            "Analyze the video for anomalies. Describe any violent activities, accidents, or deviations from normal "
            "patterns in detail.",
        ),
    ]
    assert five.scoring == "coarse"
    assert five.system is None
    assert five.frames_text(2) == "Frame1: <image>\nFrame2: <image>\n"


@pytest.mark.parametrize("name", available())
def test_every_built_in_set_loads_and_is_called_like_its_file(name: str) -> None:
    assert load(name).name == name


def test_the_module_is_not_shadowed_by_the_folder_of_data() -> None:
    assert importlib.import_module("headhunt.prompts").__file__ == str(ROOT / "headhunt" / "prompts" / "__init__.py")
    assert prompts.load is load


def test_module_and_data_work_from_a_zip_where_no_folder_is(tmp_path: Path) -> None:
    # The same two names side by side as in the wheel, imported by another mechanism than the checkout.
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as archive:
        for path in (*(ROOT / "headhunt").glob("*.py"), *(ROOT / "headhunt" / "prompts").iterdir()):
            archive.write(path, path.relative_to(ROOT))
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'package.zip')!r}); import headhunt.prompts as p"
    code += "; assert '.zip' in p.__file__; print(p.load('headhunt5').scoring, *p.available())"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["coarse", *available()]


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json", ".JSON"])
def test_a_set_comes_back_from_a_file(tmp_path: Path, suffix: str) -> None:
    five = load("headhunt5")
    path = tmp_path / f"mine{suffix}"
    dump = json.dumps if suffix.lower() == ".json" else yaml.safe_dump
    path.write_text("\ufeff" + dump(five.to_json()), encoding="utf-8")
    assert load(path) == load(str(path)) == five


def test_frame_text_and_system_may_be_left_out(tmp_path: Path) -> None:
    data = {key: value for key, value in content().items() if key not in ("frame_text", "system")}
    assert load(written(tmp_path, data)) == TWO


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": "headhunt-heads"}, "another format"),
        ({"version": 2}, "another version"),
        ({"prompts": []}, "is empty"),
        ({"prompts": {"a": "x"}}, "prompts: {'a': 'x'}\n  expected: a valid list"),
        ({"prompts": ["x"]}, "prompts.0: x"),
        ({"prompts": [{"id": "a"}]}, "no prompts.0.text"),
        ({"prompts": [{"id": "a", "text": "x", "weight": 1}]}, "prompts.0.weight: 1"),
        ({"prompts": [{"id": True, "text": "x"}]}, "prompts.0.id: True\n  expected: a valid string"),
        ({"prompts": [{"id": "a", "text": " \n"}]}, "text is not text"),
        ({"prompts": [{"id": "a,b", "text": "x"}]}, "comma"),
        ({"prompts": [{"id": "a", "text": "<image>?"}]}, "holds <image>"),
        ({"prompts": [{"id": "a", "text": "x"}, {"id": "a", "text": "y"}]}, "id twice"),
        ({"scoring": "c"}, "unknown prompt"),
        ({"scoring": ["a"]}, "scoring: ['a']"),
        ({"frame_text": "Frame{i}: "}, "frame_text"),
        ({"frame_text": "<image><image>"}, "frame_text"),
        ({"frame_text": None}, "frame_text"),
        ({"system": ""}, "system is not text"),
        ({"system": "<image>"}, "system holds"),
        ({"name": ""}, "has no name"),
        ({"name": 3}, "name: 3"),
        ({"scorring": "a"}, "unknown: ['scorring']"),
    ],
)
def test_a_bad_file_is_refused_and_named(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    path = written(tmp_path, content(**changes))
    with pytest.raises(ArtefactError) as caught:
        load(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "[1]", "a: [", "!!python/object/apply:os.getcwd []", "- " * 5000, "\x00", "caf\udce9"]
)
def test_a_file_that_is_no_prompt_set_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ArtefactError, match=r"p\.yaml"):
        load(path)


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="no such prompt set") as caught:
        load("headhunt6")
    assert "headhunt5" in str(caught.value)
    with pytest.raises(ArtefactError, match="cannot be read"):
        load(tmp_path / "none.yaml")


def test_frames_are_numbered_by_replacement_only() -> None:
    braces = PromptSet("x", (Prompt("a", "x"),), "a", frame_text="{0}{i}{i.__class__}<image>")
    assert braces.frames_text(0) == ""
    assert braces.frames_text(1) == "{0}1{i.__class__}<image>"


def test_a_subset_keeps_the_order_of_the_set_and_its_scoring_prompt() -> None:
    five = load("headhunt5")
    part = five.subset(["coarse", "p2"])
    assert (part.ids, part.scoring) == (("p2", "coarse"), "coarse")
    assert five.subset(five.ids) == five
    assert (five.subset(["p3"]).ids, five.subset(["p3"]).scoring) == (("p3",), "p3")


@pytest.mark.parametrize("ids", [[], ["p9"], ["coarse", "coarse"], ["p1", "p2"]])
def test_a_subset_that_cannot_be_is_a_usage_error(ids: list[str]) -> None:
    with pytest.raises(UsageError):
        load("headhunt5").subset(ids)


def test_the_json_form_tells_sets_apart_and_comes_back() -> None:
    assert PromptSet.from_json(json.loads(json.dumps(TWO.to_json()))) == TWO
    assert TWO.subset(["b"]).to_json() != TWO.to_json()


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]\n",
        "\n".join(["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]),
        "x: !!int ''\n",
        "x: !!timestamp x\n",
        "x: !!bool maybe\n",
        "x: 2026-99-99\n",
        "? [a, b]\n: 1\n",
        "name: a\nname: b\n",
        "x: .nan\n",
        "x: " + "9" * 5000 + "\n",
        "x: " + "a" * 2_000_000,
    ],
    ids=range(11),
)
def test_hostile_yaml_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.yaml").write_text("format: headhunt-prompts\nversion: 1\nscoring: a\n" + text)
    with pytest.raises(ArtefactError, match=r"p\.yaml"):
        load(tmp_path / "p.yaml")


@drawn()
@given(text=mutated(TWO.to_json()))
def test_any_file_is_a_prompt_set_or_refused(tmp_path: Path, text: bytes) -> None:
    for name in ("p.json", "p.yaml"):
        (tmp_path / name).write_bytes(text)
        try:
            found = load(tmp_path / name)
        except ArtefactError:
            continue
        assert all(isinstance(word, str) for word in (found.name, *found.ids, *(p.text for p in found.prompts)))
        assert PromptSet.from_json(found.to_json()) == found
