"""The example: what it sets beside each other, and how seeds are put together."""

from __future__ import annotations

import pytest

from headhunt.chains import ablation
from headhunt.demo import example
from headhunt.demo.world import plan_dataset
from headhunt.records import Head, HeadSet
from tests.stages.synthetic import manifest_rows

# The store of made-up features has 3 layers of 4 heads and two prompts, one of them "coarse".
WORDS = ("HeadHunt-VAD:", "SteerVAD: 4", "  5 random", "layer", "coarse", "threshold", "whole videos")
ROWS = tuple(row for row in ablation.ROWS if any(word in row.name for word in WORDS))
TEST = [row.video for row in manifest_rows(40) if row.split == "test"]


def test_look_alikes_are_set_beside_what_they_resemble() -> None:
    sizes = {"n_calibration": 2, "n_val": 0, "n_test": 40, "seed": 1, "duration_s": None}
    chosen = example._look_alikes(sizes)
    plans = {row.video: plan for row, plan in plan_dataset(**sizes)}
    assert {video.split("/")[0] for video in chosen} == {"test"}
    normal = {example.LOOK_ALIKE_OF[plans[v].look_alike] for v in chosen if not plans[v].categories}
    abnormal = [plans[v].categories for v in chosen if plans[v].categories]
    assert all(normal.intersection(categories) for categories in abnormal)
    assert normal <= {c for categories in abnormal for c in categories}
    assert 10 <= len(chosen) < 40


def test_summaries_and_overlaps() -> None:
    assert ablation.summary([1.0, None, 3.0]) == {"mean": 2.0, "std": pytest.approx(2**0.5), "values": [1.0, None, 3.0]}
    assert ablation.summary([None]) == {"mean": None, "std": None, "values": [None]}

    def heads(*pairs: tuple[int, int]) -> HeadSet:
        return HeadSet(tuple(Head(*p) for p in pairs), (1.0,) * len(pairs), "rss", {})

    sets = [
        {"rss-5": heads((0, 1), (0, 2)), "rsa-4": heads((0, 1))},
        {"rss-5": heads((0, 1), (0, 3)), "rsa-4": heads((0, 1))},
    ]
    found = example.overlaps(sets)
    assert found["rss"] == pytest.approx(1 / 3)
    assert found["rsa"] == 1.0
    assert found["rss_rsa"] == 0.5
    assert found["rss_heads"] == {"(0, 1)": 2, "(0, 2)": 1, "(0, 3)": 1}
    assert example.overlaps(sets[:1])["rss"] is None
