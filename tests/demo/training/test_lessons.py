"""Seeds of training, checks and held-out videos."""

from __future__ import annotations

import itertools

from headhunt.demo.training import held_out, lessons
from headhunt.demo.training.samples import plan_of
from headhunt.demo.training.schedule import SEGMENTS
from headhunt.demo.world.dataset import SEEDS_A_PART


def test_training_and_held_out_worlds_share_no_seed() -> None:
    starts = sorted((*lessons.FIRST_SEEDS, lessons.CHECK_SEEDS))
    assert min(b - a for a, b in itertools.pairwise(starts)) >= len(lessons.Videos(0))
    first = starts[0]
    assert first > 0
    # A data set's seeds stay below the held-out ones for every data set seed under 3000.
    assert (2999 * 3 + 2) * SEEDS_A_PART + SEEDS_A_PART - 1 < held_out.FIRST_SEED
    plans = [plan_of(lessons.FIRST_SEEDS[SEGMENTS] + i, "train") for i in range(3)]
    assert {plan.split for plan in plans} == {"train"}
