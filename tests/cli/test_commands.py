"""Each command on a small written store: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headhunt.extraction.still import BOUND
from headhunt.store import Store
from tests.cli.conftest import call, make_store
from tests.made_videos import write_video

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def with_events(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that `learnt` copies."""
    place = shutil.copytree(made, tmp_path_factory.mktemp("learnt") / "made.zarr")
    for command in (["select-heads", "--k", "2"], ["fit"], ["score"], ["localize"]):
        answer = call(*command, "--store", place)
        assert answer.code == 0, answer.err
        assert answer.out == ""
    return place


@pytest.fixture
def learnt(with_events: Path, tmp_path: Path) -> Path:
    """A store with heads, a scorer, scores and events."""
    return shutil.copytree(with_events, tmp_path / "learnt.zarr")


def test_label_matches_by_id_and_tells_both_leftovers(vadkit: Call, store: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("video,split,label,events\n0.mp4,val,abnormal,5-9\nghost.mp4,val,normal,\n", encoding="utf-8")
    answer = vadkit("label", labels, "--store", store, "--json")
    assert answer.code == 0
    assert answer.json["labelled"] == 1
    assert answer.json["unmatched_rows"] == ["ghost.mp4"]
    assert len(answer.json["unmatched_videos"]) == 8
    assert "1 row of the manifest without a video in the store: ghost.mp4" in answer.err
    assert Store(store).videos().split[0] == "val"


def test_select_heads_finds_the_head_that_tells_and_writes_it(vadkit: Call, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "heads.json"
    answer = vadkit("select-heads", "--metric", "lda", "--k", "1", "--store", store, "-o", out, "--json")
    assert answer.code == 0
    assert answer.json["head_set"]["heads"] == [[1, 2]]
    assert (answer.json["unit"], answer.json["rows"], answer.json["positives"]) == ("segment", 16, 4)
    assert json.loads(out.read_text())["heads"] == [[1, 2]]
    assert "heads/lda" in answer.err


@pytest.mark.parametrize(("metric", "k"), [("rss", 5), ("rsa", 4), ("lda", 5)])
def test_the_number_of_heads_is_the_published_one_unless_given(vadkit: Call, store: Path, metric: str, k: int) -> None:
    answer = vadkit("select-heads", "--metric", metric, "--store", store, "--json")
    assert len(answer.json["head_set"]["heads"]) == k


def test_auto_finds_the_number_of_heads(vadkit: Call, store: Path) -> None:
    answer = vadkit("select-heads", "--k", "auto", "--store", store, "--json")
    assert 1 <= len(answer.json["head_set"]["heads"]) <= 12
    assert answer.json["head_set"]["provenance"]["config"]["k"] == "auto"


def test_fit_passes_only_what_was_given(vadkit: Call, learnt: Path) -> None:
    vadkit("fit", "--method", "steer", "--epochs", "3", "--variant", "no-gate", "--store", learnt)
    made_with = Store(learnt).artefact("scorers", "steer").made_by["config"]
    assert (made_with["epochs"], made_with["variant"], made_with["rank"]) == (3, "no-gate", None)
    effective = {"epochs": 3, "variant": "no-gate", "rank": 4, "lambda_reg": 0.1, "standardize": False}
    assert effective.items() <= made_with["options"].items()
    assert Store(learnt).artefact("scorers", "logistic").made_by["config"]["options"] == {"c": 1.0, "max_iter": 2000}
    assert vadkit("fit", "--standardize", "--method", "steer", "--epochs", "1", "--store", learnt).code == 0
    assert Store(learnt).artefact("scorers", "steer").made_by["config"]["options"]["standardize"] is True


def test_fit_writes_a_scorer_that_another_store_can_use(vadkit: Call, learnt: Path, tmp_path: Path) -> None:
    other = make_store(tmp_path / "other.zarr", seed=1)
    fitted = vadkit("fit", "--store", learnt, "-o", tmp_path / "scorer", "--json")
    assert (fitted.code, fitted.json["loss"], fitted.json["prompt"]) == (0, None, "b")
    by_file = vadkit("score", "--scorer", tmp_path / "scorer.json", "--store", other, "--json")
    by_store = vadkit("score", "--from", learnt, "--name", "again", "--store", other, "--json")
    assert (by_file.json["name"], by_store.json["name"]) == ("scorer", "again")
    assert by_file.json["segments"] == by_store.json["segments"] == 32


def test_localize_writes_events_as_csv_and_json(vadkit: Call, learnt: Path, tmp_path: Path) -> None:
    answer = vadkit("localize", "--tau", "0.5", "--store", learnt, "-o", tmp_path / "e.csv", "--json")
    with (tmp_path / "e.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["video"] for row in rows] == [event["video"] for event in answer.json["events"]]
    assert answer.json["source"] == "given"
    assert vadkit("localize", "--store", learnt, "-o", tmp_path / "e.json").code == 0
    assert json.loads((tmp_path / "e.json").read_text())["format"] == "headhunt-events"


def test_a_preset_sets_what_was_not_given(vadkit: Call, learnt: Path) -> None:
    vadkit("localize", "--preset", "headhunt-reference", "--tau", "0.2", "--store", learnt)
    config = Store(learnt).artefact("events").made_by["config"]
    assert (config["smoothing"], config["sigma"], config["tau"]) == ("gaussian-zero", 1.5, 0.2)
    answer = vadkit("select-heads", "--preset", "headhunt-reference", "--store", learnt)
    assert answer.code == 1  # the store has no whole-video rows
    answer = vadkit("select-heads", "--preset", "headhunt-reference", "--units", "segment", "--store", learnt)
    assert answer.code == 0


def test_evaluate_prints_some_ten_lines_in_words(vadkit: Call, learnt: Path) -> None:
    answer = vadkit("evaluate", "--store", learnt, "--bootstrap", "20")
    assert answer.code == 0
    lines = answer.err.splitlines()
    assert 8 <= len(lines) <= 13
    assert not [line for line in lines if "/frame" in line or " - " in line]
    assert any(line.startswith("  frames, ROC-AUC") and "(95 %:" in line for line in lines)
    assert lines[-1].endswith("--full or --json")


def test_evaluate_says_in_one_line_what_is_not_defined_and_why(vadkit: Call, tmp_path: Path) -> None:
    path = make_store(tmp_path / "s.zarr")
    for command in (["select-heads"], ["fit"], ["score"], ["localize", "--tau", "1"]):
        assert vadkit(*command, "--store", path).code == 0
    lines = vadkit("evaluate", "--store", path, "--bootstrap", "0").err.splitlines()
    undefined = [line for line in lines if "not defined" in line]
    assert len(undefined) == 1
    assert "delay until an event is found, median (no annotated event was detected)" in undefined[0]


def test_evaluate_prints_every_metric_as_strict_json_and_in_full(vadkit: Call, learnt: Path) -> None:
    answer = vadkit("evaluate", "--store", learnt, "--bootstrap", "20", "--json", "--full")
    assert answer.code == 0
    assert (answer.json["command"], answer.json["split"]) == ("evaluate", "test")
    assert answer.json["frame"]["continuous"]["frame_auc"] > 0.9
    assert answer.json["settings"]["n_bootstrap"] == 20
    assert "frame/continuous/frame_auc" in answer.err
    without = vadkit("evaluate", "--store", learnt, "--bootstrap", "0", "--json")
    assert without.json["intervals_95"] == {}


def test_inspect_tells_videos_results_and_damage(vadkit: Call, learnt: Path) -> None:
    answer = vadkit("inspect", "--verify", "--store", learnt, "--json")
    assert answer.code == 0
    assert answer.json["damaged"] == []
    assert answer.json["videos"] == 9
    assert answer.json["failed"] == [{"video": "é[bold]\x1b[31m.mp4", "reason": "not a video"}]
    assert set(answer.json["artefacts"]) == {"heads", "scorers", "scores", "events"}
    assert "\x1b" not in answer.err
    assert "é[bold]\\x1b[31m.mp4: not a video" in answer.err
    chunk = learnt / "features" / "heads" / "c" / "0" / "0" / "0" / "0" / "0"
    data = bytearray(chunk.read_bytes())
    data[len(data) // 3] ^= 1
    chunk.write_bytes(bytes(data))
    answer = vadkit("inspect", "--verify", "--store", learnt, "--json")
    assert answer.code == 4
    assert len(answer.json["damaged"]) == 1


def test_extract_skips_what_is_still_and_inspect_tells_how_much(vadkit: Call, tiny: Path, tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", 96, shown=[1] * 96)
    where = ("--store", tmp_path / "s.zarr", "--json")
    answer = vadkit("extract", tmp_path / "v.mp4", "--model", tiny, "--frames", 2, "--skip-still", "auto", *where)
    assert answer.code == 0, answer.err
    assert (answer.json["rows_done"], answer.json["rows_reused"]) == (3, 1)
    assert "3 rows extracted (1 of them reused)" in answer.err
    told = vadkit("inspect", *where)
    assert told.json["reused"] == 1
    assert told.json["fingerprint"]["skip_still"] == BOUND
    assert "1 of those rows, still to 3 grey levels" in told.err
    again = vadkit("extract", tmp_path / "v.mp4", "--model", tiny, "--frames", 2, "--skip-still", "4.5", *where)
    assert again.code == 4
    assert "skip_still: store 3.0, now 4.5" in again.err


def test_manifest_of_folders_tells_counts_and_leftovers_and_the_next_command(vadkit: Call, tmp_path: Path) -> None:
    root = tmp_path / "data set"
    for name in ("train/Normal/a.b#1.mp4", "train/Fight/c.mp4", "test/Fight/d.mp4", "loose.mp4"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    answer = vadkit("manifest", "folder", root, "--json")
    assert answer.code == 0
    assert answer.json["counts"] == [
        {"split": "test", "label": "abnormal", "videos": 1, "events": 0},
        {"split": "train", "label": "abnormal", "videos": 1, "events": 0},
        {"split": "train", "label": "normal", "videos": 1, "events": 0},
    ]
    assert answer.json["unmatched_videos"] == ["loose.mp4"]
    assert answer.json["next"] == f"vadkit extract '{root}/manifest.csv'"
    elsewhere = vadkit("manifest", "folder", root, "-o", tmp_path / "m.jsonl", "--normal", "Fight", "--json")
    assert elsewhere.json["next"] == f"vadkit extract {tmp_path}/m.jsonl --root '{root}'"
    assert {entry["label"]: entry["videos"] for entry in elsewhere.json["counts"] if entry["split"] == "train"} == {
        "normal": 1,
        "abnormal": 1,
    }


def test_manifest_counts_events_and_lists_missing_videos(vadkit: Call, tmp_path: Path) -> None:
    names = [f"v=x{i}__#1_label_B1-0-0" for i in range(60)]
    (tmp_path / "test").mkdir()
    (tmp_path / f"test/{names[0]}.mp4").touch()
    (tmp_path / "test/v=y__#1_label_B2-0-0.mp4").touch()
    (tmp_path / "annotations.txt").write_text("".join(f"{name} 0 5 7 9\n" for name in names))
    answer = vadkit("manifest", "xd-violence", tmp_path)
    assert answer.code == 0
    assert re.search(r"test\W+abnormal\W+2\W+2\b", answer.err)  # videos, events
    assert "1 video with events that are not known" in answer.err
    assert "59 listed videos not there:\n" in answer.err
    assert f"  {names[50]}\n  and 9 more\n" in answer.err
    answer = vadkit("manifest", "xd-violence", tmp_path, "--overwrite", "--json")
    assert answer.json["unmatched_rows"] == names[1:]


def test_a_manifest_is_not_overwritten_unless_told(vadkit: Call, tmp_path: Path) -> None:
    (tmp_path / "normal").mkdir()
    (tmp_path / "normal/a.mp4").touch()
    assert vadkit("manifest", "folder", tmp_path).code == 0
    again = vadkit("manifest", "folder", tmp_path, "--json")
    assert (again.code, again.json["error"]["type"]) == (2, "UsageError")
    assert "--overwrite" in again.json["error"]["next"]
    assert vadkit("manifest", "folder", tmp_path, "--overwrite").code == 0


def test_an_event_outside_its_video_is_refused_by_name(vadkit: Call, store: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("video,split,label,events\n0.mp4,val,abnormal,90000-90009\n", encoding="utf-8")
    answer = vadkit("label", labels, "--store", store)
    assert answer.code == 1
    assert "0.mp4 (90000-90009 of" in answer.err


@pytest.mark.parametrize("command", ["select-heads", "fit", "localize"])
@pytest.mark.parametrize("word", ["test", "Test", "testing", "test ", "tset"])
def test_no_spelling_of_test_is_learnt_from(vadkit: Call, learnt: Path, command: str, word: str) -> None:
    more = ["--calibrate"] if command == "localize" else []
    assert vadkit(command, "--store", learnt, "--split", word, *more).code == 2


def test_manifest_of_a_folder_that_is_not_there_is_1(vadkit: Call, tmp_path: Path) -> None:
    answer = vadkit("manifest", "ucf-crime", tmp_path / "none", "--json")
    assert (answer.code, answer.json["error"]["type"]) == (1, "ManifestError")


@pytest.mark.parametrize("which", ["heads.json", "heads", "scorers", "name"])
def test_heads_to_extract_come_from_a_file_a_store_or_a_name(
    vadkit: Call, store: Path, tmp_path: Path, which: str
) -> None:
    from headhunt.artefacts.references import wanted

    vadkit("select-heads", "--metric", "lda", "--k", "2", "--store", store, "-o", tmp_path / "heads.json")
    chosen = Store(store).artefact("heads").facts["head_set"]["heads"]
    named = {"heads.json": tmp_path / "heads.json", "name": "lda"}.get(which, store)
    if which == "scorers":
        vadkit("fit", "--prompt", "a", "--store", store)
        vadkit("fit", "--method", "steer", "--heads", "random:3", "--epochs", "1", "--store", store)
    lean = wanted(str(named), store)
    assert lean.heads is not None
    pairs = [[h.layer, h.head] for h in lean.heads]
    if named == store:
        assert lean.like == store
        assert lean.prompts is not None
        asked = [p for p in Store(store).fingerprint.prompts if p.id in lean.prompts.ids]
        assert list(lean.prompts.prompts) == asked
    if which == "scorers":
        assert pairs[:2] == chosen
        assert len({tuple(p) for p in pairs}) == len(pairs) > 2
        assert (set(lean.prompts.ids), lean.context) == ({"a", "b"}, True)
    else:
        assert (pairs, lean.context) == (chosen, None)


def test_all_heads_need_no_store(tmp_path: Path) -> None:
    from headhunt.artefacts.references import Wanted, wanted

    assert wanted("all", tmp_path / "none.zarr") == Wanted()


def test_doctor_ends_with_1_when_a_check_fails(vadkit: Call, tmp_path: Path) -> None:
    answer = vadkit("doctor", "--model", tmp_path, "--json")
    assert answer.code == 1
    checks = {check["name"]: check["ok"] for check in answer.json["checks"]}
    assert checks == {"packages": True, "device": True, "decoder": True, "disk": True, "model": False}
    assert answer.json["ok"] is False
    assert "FAIL model" in answer.err
