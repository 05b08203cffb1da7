"""What is told of a store, and that damage is found where it is."""

from __future__ import annotations

from pathlib import Path

from headhunt.stages.inspect import inspect
from tests.stages.synthetic import chain, make_store


def test_counts_sizes_and_results_are_those_of_the_store(tmp_path: Path) -> None:
    make_store(tmp_path / "s", failed=(3,))
    chain(tmp_path / "s")
    told = inspect(tmp_path / "s", verify=True)
    assert (told["videos"], told["segments"]) == (20, 140)
    assert told["segment_status"] == {"done": 139, "failed": 1}
    assert told["video_status"] == {"done": 19, "partial": 1}
    assert told["failed"] == [["00.mp4", "1 of 7 segments failed: a frame could not be decoded"]]
    assert told["spec"] == {"layers": 3, "heads": 4, "head_dim": 6, "hidden": 10}
    assert {kind: [e["name"] for e in entries] for kind, entries in told["artefacts"].items()} == {
        "heads": ["rss"],
        **{kind: ["logistic"] for kind in ("scorers", "scores", "calibrations", "events", "metrics")},
    }
    assert told["damaged"] == []


def test_a_damaged_shard_is_named_with_its_prompt(tmp_path: Path) -> None:
    make_store(tmp_path / "s")
    chunk = max((tmp_path / "s/features/context/c").rglob("*"), key=lambda p: p.is_file() and p.parent.name == "1")
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(data)
    (line,) = inspect(tmp_path / "s", verify=True)["damaged"]
    assert "is damaged" in line
    assert line.startswith("prompt ")
