"""Look-alikes: rendered, and normal."""

from __future__ import annotations

import pytest

from headhunt.demo.world import CATEGORIES, LOOK_ALIKE_OF, LOOK_ALIKES, plan_video
from headhunt.demo.world.look_alikes import LOOK_ALIKE_PLACES
from tests.demo.world.made_frames import SMALL, frames_of


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_every_look_alike_renders_and_is_normal(name):
    for place in LOOK_ALIKE_PLACES[name]:
        plan = plan_video(2, kind="normal", look_alike=name, camera=place, duration_s=12.0, config=SMALL)
        assert plan.look_alike == name
        assert plan.events == ()
        assert plan.category == ""
    assert frames_of(plan, 100, 101).std() > 5
    assert LOOK_ALIKE_OF[name] in CATEGORIES
