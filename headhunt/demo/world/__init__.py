"""The synthetic CCTV world: plan a video from a seed, render it, write it, and say what every frame shows.

    plan = plan_video(7, kind="abnormal", category="fight", split="eval")
    write_video(plan, "fight.mp4")
    plan.events                      # abnormal native frames, half-open
    describe(plan, 0, 48).actors     # who does what, in neutral words

The parts, each knowing only those before it: plan (records), camera, painting, poses, motion, shading, people, things,
scenery, effects, rendering (pixels), families, draft, ordinary, look_alikes, incidents, accidents, script (what
happens), facts, dataset (files).
"""

from headhunt.demo.world.dataset import make_dataset, plan_dataset, write_video
from headhunt.demo.world.facts import Facts, describe
from headhunt.demo.world.look_alikes import LOOK_ALIKE_OF, LOOK_ALIKES
from headhunt.demo.world.plan import PLACES, VideoPlan, WorldConfig
from headhunt.demo.world.rendering import render_blocks, render_frames
from headhunt.demo.world.script import CATEGORIES, plan_video

__all__ = [
    "CATEGORIES",
    "LOOK_ALIKES",
    "LOOK_ALIKE_OF",
    "PLACES",
    "Facts",
    "VideoPlan",
    "WorldConfig",
    "describe",
    "make_dataset",
    "plan_dataset",
    "plan_video",
    "render_blocks",
    "render_frames",
    "write_video",
]
