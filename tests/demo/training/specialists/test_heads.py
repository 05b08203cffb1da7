"""New heads: their topics, their losses, and segments side by side."""

from __future__ import annotations

import torch

from headhunt.demo.training.network import LAYERS
from headhunt.demo.training.patches import INDEX, PATCH_WORDS, TOPICS
from headhunt.demo.training.specialists.heads import ADDED_KEYS, Specialists, topic_of, words_of
from headhunt.demo.training.specialists.looked import Batch, Looked

CPU = torch.device("cpu")


def test_segments_side_by_side_give_what_each_gives_alone(new: Specialists, looked: list[Looked]) -> None:
    with torch.no_grad():
        together = new(Batch.of(looked, CPU))
        for i, segment in enumerate(looked):
            n = len(segment.asked)
            torch.testing.assert_close(together[i, :, :n], new(Batch.of([segment], CPU))[0], atol=1e-5, rtol=1e-4)


def test_every_word_has_one_topic() -> None:
    said = [word for topic in TOPICS for word in topic]
    assert sorted(said) == sorted(PATCH_WORDS)
    topics = topic_of(LAYERS)
    counts = torch.bincount(topics.flatten())
    assert len(counts) == len(TOPICS)
    assert counts.max() - counts.min() <= 1
    known = words_of(topics)
    assert known.shape == (LAYERS, ADDED_KEYS, len(said))
    assert torch.equal(known.sum((0, 1)) > 0, torch.ones(len(said), dtype=torch.bool))


def test_a_head_is_judged_by_its_own_topic_alone(new: Specialists, looked: list[Looked]) -> None:
    batch = Batch.of(looked, CPU)
    given = new(batch).detach()
    red = INDEX["red"]
    without, with_red = batch.seen.clone(), batch.seen.clone()
    without[:, red], with_red[:, red] = 0.0, 1.0
    change = new.losses(batch._replace(seen=with_red), given) - new.losses(batch._replace(seen=without), given)
    assert torch.equal(change.abs() > 1e-6, (new.topic[..., red] > 0).repeat_interleave(2, 1))


def test_questions_that_a_segment_lacks_count_for_nothing(new: Specialists, looked: list[Looked]) -> None:
    with torch.no_grad():
        batches = [Batch.of([segment], CPU) for segment in looked]
        alone = [
            new.losses(batch, new(batch)) * len(segment.asked) for batch, segment in zip(batches, looked, strict=True)
        ]
        batch = Batch.of(looked, CPU)
        together = new.losses(batch, new(batch))
    torch.testing.assert_close(together, sum(alone) / sum(len(s.asked) for s in looked), atol=1e-4, rtol=1e-4)
