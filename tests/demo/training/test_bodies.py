"""Where the embedded model's vision tower is taught that people's heads, hands and feet are."""

from __future__ import annotations

import numpy as np
import torch

from headhunt.demo.training import bodies
from headhunt.demo.training.grid import GRID
from headhunt.demo.training.losses import body_loss
from headhunt.demo.training.patches import INDEX, patches
from headhunt.demo.world.camera import View
from headhunt.demo.world.motion import track
from headhunt.demo.world.script import plan_video

FRAMES = np.arange(40, 340, 60)
PLAN = plan_video(7, kind="abnormal", category="fight", split="train")
FOUND = bodies.bodies(PLAN, FRAMES, GRID)
THERE = FOUND[..., -1] == 1


def places() -> np.ndarray:
    """(f, GRID, GRID, POINTS, 2): x and y of the points in patches from the picture's corner."""
    row, column = np.mgrid[:GRID, :GRID]
    x = FOUND[..., : bodies.POINTS] + (column + 0.5)[..., None]
    y = FOUND[..., bodies.POINTS : -1] + (row + 0.5)[..., None]
    return np.stack([x, y], -1)


def test_points_follow_from_the_plan() -> None:
    assert FOUND.shape == (len(FRAMES), GRID, GRID, 2 * bodies.POINTS + 1)
    assert np.array_equal(FOUND, bodies.bodies(PLAN, FRAMES, GRID))
    assert THERE.any()
    assert not FOUND[~THERE].any()


def test_bodies_are_where_people_are_said_to_be() -> None:
    words = patches(PLAN, FRAMES)
    person = (words[..., INDEX["person"]] | words[..., INDEX["cyclist"]]).astype(bool)
    assert person[THERE].mean() > 0.9


def test_the_head_of_who_stands_is_above_the_feet_and_a_head_is_where_one_walks() -> None:
    points = places()
    upright = THERE & (np.ptp(points[..., 1], -1) > 2 * np.ptp(points[..., 0], -1))
    assert upright.any()
    head, ankles = points[..., 0, 1], points[..., -2:, 1].min(-1)
    assert (head[upright] < ankles[upright]).all()
    view = View(PLAN.camera, PLAN.config.width, PLAN.config.height)
    heads = points[..., 0, :]
    checked = 0
    for actor in PLAN.actors:
        frame = int(FRAMES[2])
        if actor.kind != "person" or not actor.start_frame <= frame < actor.end_frame:
            continue
        way = track(actor, PLAN.config.fps)
        row = way.rows(np.array([frame]))
        if not view.inside(way.x[row], way.z[row], margin=0.4)[0]:
            continue
        top, _ = view.project(np.stack([way.x[row], [1.6 * actor.size], way.z[row]], -1))
        apart = np.abs(heads[2][THERE[2]] - top[0] * (GRID / view.width, GRID / view.height)).max(-1)
        if np.ptp(points[2][THERE[2]][apart.argmin()][:, 1]) > 2.0:  # neither bent nor lying
            checked += apart.min() < 1.5
    assert checked > 0


def test_a_mirrored_picture_has_mirrored_points() -> None:
    turned = bodies.mirrored(torch.from_numpy(FOUND)).numpy()
    assert np.array_equal(bodies.mirrored(torch.from_numpy(turned)).numpy(), FOUND)
    assert np.array_equal(turned[..., -1], FOUND[:, :, ::-1, -1])
    # Of two hands the one farther left still comes first.
    first = len(bodies.SINGLE)
    x = turned[..., first : bodies.POINTS][turned[..., -1] == 1].reshape(-1, len(bodies.PAIRED), 2)
    assert (x[..., 0] <= x[..., 1] + 1e-5).all()


def test_the_loss_counts_only_where_there_is_a_body() -> None:
    wanted = torch.from_numpy(FOUND)
    exact = wanted[..., :-1].clamp(-5, 5)
    assert body_loss(exact, wanted).item() == 0.0
    elsewhere = exact + 3.0 * (wanted[..., -1:] == 0)
    assert body_loss(elsewhere, wanted).item() == 0.0
    assert body_loss(exact + 1.0, wanted).item() > 0.5
