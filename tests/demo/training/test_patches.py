"""The words of patches against the pixels and the plan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headhunt.demo.training.grid import by_cell
from headhunt.demo.training.patches import INDEX, MANY, patches
from headhunt.demo.training.samples import Sample, plan_of, segments_of
from headhunt.demo.world.camera import View
from headhunt.demo.world.plan import Action, Actor


def test_patches_show_a_person_where_the_pixels_change(samples: list[Sample]) -> None:
    # Across frames of one segment pixels change most on the patches that are said to move.
    sample = segments_of(3, split="train", n=1, encoded=0.0)[0]
    change = np.abs(np.diff(sample.pixels.astype(float), axis=0)).mean(-1).max(0)
    by_patch = change.reshape(16, 9, 16, 12).mean((1, 3))
    person = sample.patches[..., INDEX["person"]].max(0).astype(bool)
    assert person.any()
    assert by_patch[person].mean() > 1.3 * by_patch[~person].mean()


def test_middles_say_how_many_there_are() -> None:
    # Two people in one cell, one in another: counted at their middles and nowhere else.
    plan = plan_of(0, "train")
    view = View(plan.camera, plan.config.width, plan.config.height)
    left, right = view.edges(7.0)
    actors = [_standing(left + share * (right - left)) for share in (0.60, 0.63, 0.1)]
    shown = patches(replace(plan, actors=tuple(actors), effects=()), np.array([5]))[0]
    cells = by_cell(shown[None]).max(2)[0]
    counts = {word: int(cells[:, INDEX[word]].sum()) for word in MANY}
    assert counts == {"one": 1, "two": 1, "three": 0, "four": 0}
    assert shown[..., INDEX["two"]].sum() in (1, 2)
    assert cells[:, INDEX["cars"]].sum() == 0


def _standing(x: float) -> Actor:
    return Actor("person", "red", ((200.0, 0.0, 0.0),) * 4, 1.0, ((0, x, 7.0), (20, x, 7.0)), (Action("stand", 0, 20),))
