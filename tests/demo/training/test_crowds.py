"""Crowds: every action about equally often."""

from __future__ import annotations

import numpy as np

from headhunt.demo.training.crowds import crowd
from headhunt.demo.training.patches import PATCH_WORDS, patches
from headhunt.demo.training.samples import plan_of


def test_a_crowd_does_everything_about_equally_often() -> None:
    plan, at = crowd(plan_of(6, "train"), np.random.default_rng(0), 60)
    shown = patches(plan, at)
    per_frame = dict(zip(PATCH_WORDS, shown.any((1, 2)).mean(0), strict=True))
    seldom = ("running", "hitting", "falling", "lying", "hugging", "staggering", "kicking", "grabbing", "flames")
    assert all(per_frame[word] > 0.08 for word in seldom), per_frame
    assert per_frame["person"] == 1.0
    assert not plan.events
    again, frames = crowd(plan_of(6, "train"), np.random.default_rng(0), 60)
    assert again == plan
    assert np.array_equal(frames, at)


def test_crowds_hold_bags_that_stand_alone_and_cars_on_the_pavement() -> None:
    streets = [plan_of(seed, "train") for seed in range(40)]
    plan, at = crowd(next(p for p in streets if p.camera.place == "street"), np.random.default_rng(1), 80)
    shown = patches(plan, at)
    per_frame = dict(zip(PATCH_WORDS, shown.any((1, 2)).mean(0), strict=True))
    assert per_frame["alone"] > 0.05
    assert per_frame["pavement"] > 0.05
