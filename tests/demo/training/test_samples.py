"""Training samples: they follow from their seed and show the frames that extraction shows."""

from __future__ import annotations

import numpy as np

from headhunt.demo.training.network import HEIGHT, WIDTH
from headhunt.demo.training.samples import Sample, plan_of, pooled, segments_of
from headhunt.demo.world.facts import describe


def test_samples_follow_from_their_seed(samples: list[Sample]) -> None:
    again = pooled(segments_of(3, split="train", n=2))
    for one, two in zip(samples, again, strict=True):
        assert np.array_equal(one.pixels, two.pixels)
        assert np.array_equal(one.patches, two.patches)
        assert one.facts == two.facts


def test_a_sample_shows_the_frames_that_extraction_samples(samples: list[Sample]) -> None:
    plan = plan_of(3, "train")
    for sample in segments_of(3, split="train", n=2, encoded=0.0):
        from headhunt.demo.world import render_frames

        start = sample.start_frame
        frames = list(render_frames(plan, start_frame=start, end_frame=start + 48))
        assert sample.pixels.shape == (16, HEIGHT, WIDTH, 3)
        # HeadHunt-VAD (AAAI 2026): frames 1, 4, 7, ... 46 of 48.
        assert all(np.array_equal(sample.pixels[i], frames[1 + 3 * i]) for i in range(16))
        assert sample.facts == describe(plan, start, start + 48)


def test_an_encoded_segment_resembles_the_raw_one() -> None:
    raw = segments_of(5, split="train", n=1, encoded=0.0)[0].pixels.astype(float)
    coded = segments_of(5, split="train", n=1, encoded=1.0)[0].pixels.astype(float)
    assert raw.shape == coded.shape
    assert 0.5 < np.abs(raw - coded).mean() < 12.0
