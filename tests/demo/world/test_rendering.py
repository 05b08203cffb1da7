"""Frames: the same from the same seed, whatever the process, the threads or the range."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from headhunt.demo.world import plan_video, render_frames
from headhunt.errors import InputError
from tests.demo.world.made_frames import SMALL, digest, frames_of


def test_the_same_seed_gives_the_same_plan_andframes_of():
    one = plan_video(3, kind="abnormal", category="fight", config=SMALL)
    two = plan_video(3, kind="abnormal", category="fight", config=SMALL)
    assert one == two
    start = one.events[0].start_frame
    assert digest(frames_of(one, start, start + 20)) == digest(frames_of(two, start, start + 20))


def test_frames_are_the_same_in_another_process_with_other_threads_and_hash_seed():
    plan = plan_video(5, kind="abnormal", category="fire", config=SMALL)
    start = plan.events[0].start_frame + 20
    code = (
        "import hashlib, numpy as np\n"
        "from headhunt.demo.world import WorldConfig, plan_video, render_frames\n"
        "plan = plan_video(5, kind='abnormal', category='fire', config=WorldConfig(width=128, height=96))\n"
        f"frames = np.stack(list(render_frames(plan, start_frame={start}, end_frame={start + 15})))\n"
        "print(hashlib.sha256(frames.tobytes()).hexdigest())\n"
    )
    environment = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "PYTHONHASHSEED": "123", "PATH": ""}
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert other.stdout.strip() == digest(frames_of(plan, start, start + 15))


def test_a_frame_does_not_depend_on_where_rendering_begins():
    plan = plan_video(8, kind="normal", duration_s=10.0, config=SMALL)
    whole = frames_of(plan, 0, 60)
    for start, end in ((0, 1), (7, 9), (11, 13), (12, 60), (59, 60)):
        np.testing.assert_array_equal(frames_of(plan, start, end), whole[start:end])


def test_a_range_outside_the_video_is_not_rendered():
    plan = plan_video(0, kind="normal", duration_s=10.0)
    for start, end in ((5, 5), (-1, 3), (0, plan.n_frames + 1)):
        with pytest.raises(InputError):
            next(render_frames(plan, start_frame=start, end_frame=end))
