"""The geometry of the view."""

from __future__ import annotations

import numpy as np

from headhunt.demo.world import PLACES, plan_video
from headhunt.demo.world.camera import View


def test_the_edges_of_the_view_project_to_the_borders():
    for place in PLACES:
        plan = plan_video(3, kind="normal", camera=place)
        view = View(plan.camera, 192, 144)
        left, right = view.edges(8.0)
        points, _ = view.project(np.array([[left, 0.0, 8.0], [right, 0.0, 8.0]]))
        np.testing.assert_allclose(points[:, 0], [0.0, 192.0], atol=1e-6)
