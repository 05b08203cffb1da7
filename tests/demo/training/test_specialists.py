"""Heads added to a trained model: what they give, that nobody reads them, and that they learn their topic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headhunt.demo.training import lessons, network, specialists, training_data
from headhunt.demo.training.language import pairs
from headhunt.demo.training.specialists import ADDED, ADDED_KEYS, DIM, Batch, Looked, Specialists
from headhunt.demo.training.trainer import TrainConfig, Trainer
from headhunt.errors import UsageError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    torch.manual_seed(0)
    made = Trainer(TrainConfig(seed=3), CPU)
    made.stage = lessons.SEGMENTS
    made.model.eval()
    return made


@pytest.fixture(scope="module")
def samples(trainer: Trainer) -> list[training_data.Sample]:
    return trainer.look(training_data.by_cells(training_data.segments_of(7, split="train", n=3)))


@pytest.fixture(scope="module")
def looked(trainer: Trainer, samples: list[training_data.Sample]) -> list[Looked]:
    rng = np.random.default_rng(0)
    return [specialists.look(trainer, sample, rng, questions=1 + i) for i, sample in enumerate(samples)]


def made(trainer: Trainer) -> Specialists:
    """With biases, so that nothing is zero by chance."""
    new = Specialists(trainer.model.model.language_model.rotary_emb, seed=1)
    with torch.no_grad():
        for bias in (new.q_bias, new.k_bias, new.v_bias):
            bias.normal_(std=0.3)
    return new


def heads_at_questions(trainer: Trainer, model: Any, sample: training_data.Sample, asked: list[Any]) -> torch.Tensor:
    """What the heads of a model give at the ends of questions, (layers, q, heads, DIM)."""
    batch = network.pack(trainer.layout, [asked], system=None)
    assert sample.tokens is not None
    with torch.no_grad():
        states = network.decode(model, batch, torch.from_numpy(sample.tokens[None]).float(), trainer.layout.image)
    return torch.stack([given[batch.asked].unflatten(-1, (-1, DIM)) for given in states.heads])


def test_added_heads_give_what_they_learnt_to_give_and_change_nothing(
    trainer: Trainer, samples: list[training_data.Sample], looked: list[Looked]
) -> None:
    new = made(trainer)
    larger = specialists.grown(trainer.model, new, looked)
    network.choose_attention(larger, CPU)
    rng = np.random.default_rng(0)
    batch = Batch.of(looked, CPU)
    with torch.no_grad():
        given = new(batch).transpose(1, 2).unflatten(3, (2, -1))  # (b, q, layers, key heads, heads of them, DIM)
    rows = given[batch.real]
    wanted = given @ specialists.even(rows)
    spread = wanted[batch.real].square().mean((0, 3, 4)).sqrt()
    wanted = (wanted * (network.LEVEL / spread)[..., None, None]).flatten(3, 4)
    for i, sample in enumerate(samples):
        assert sample.facts is not None
        asked = pairs(sample.facts, rng, n=1 + i)
        # `look` draws its odd questions from the same source.
        [specialists.odd_question(rng) for _ in range(specialists.ODD)]
        before = heads_at_questions(trainer, trainer.model, sample, asked)
        after = heads_at_questions(trainer, larger, sample, asked)
        torch.testing.assert_close(after[:, :, : network.HEADS], before, atol=1e-4, rtol=1e-4)
        own = wanted[i, : len(asked)].transpose(0, 1)
        torch.testing.assert_close(after[:, :, network.HEADS :], own, atol=1e-2, rtol=5e-2)  # states are float16
        assert own.abs().mean() > 0.1


def test_an_even_basis_spreads_what_is_given_in_all_directions() -> None:
    random = torch.Generator().manual_seed(0)
    sizes = torch.tensor([8.0, 4.0, 2.0, 1.0, 0.5, 0.01])
    turn = torch.linalg.qr(torch.randn(2, 6, 6, generator=random)).Q  # of two key heads, each with three heads
    given = (torch.randn(4000, 2, 3, 6, generator=random) * sizes) @ turn + 5.0
    basis = specialists.even(given)
    torch.testing.assert_close(basis, basis.mT)
    for of_one in (given @ basis).movedim(0, -2).flatten(1, 2):
        spread = torch.linalg.eigvalsh(torch.cov(of_one.T)).flip(0)
        # Where a hundredth of the variance of the widest is given, half is left; where next to nothing, as little.
        torch.testing.assert_close(spread, sizes**2 / (sizes**2 + 0.64), atol=0.01, rtol=0.02)


def test_what_the_model_says_stays_bit_for_bit_the_same(trainer: Trainer, looked: list[Looked]) -> None:
    larger = specialists.grown(trainer.model, made(trainer), looked)
    assert not any(
        layer.self_attn.o_proj.weight[:, network.HIDDEN :].any() for layer in larger.model.language_model.layers
    )
    back = Trainer(TrainConfig(seed=9), CPU)
    own = {name: p.detach().clone() for name, p in trainer.model.state_dict().items()}
    kept = larger.state_dict()
    for name, wanted in back.model.state_dict().items():
        assert torch.equal(kept[name][tuple(map(slice, wanted.shape))], own[name])


def test_only_questions_and_what_they_may_see_are_kept(trainer: Trainer, looked: list[Looked]) -> None:
    for segment in looked:
        layers, t, hidden = segment.states.shape
        assert (layers, hidden) == (network.LAYERS, network.HIDDEN)
        assert len(segment.positions) == len(segment.block) == t
        prefix = int((segment.block == 0).sum())
        assert prefix == len(trainer.layout.prefix(None))
        for number, end in enumerate(segment.asked.tolist(), 1):
            own = (segment.block == number).nonzero()[:, 0]
            assert own[-1] == end  # no answer follows
            assert segment.positions[own].tolist() == list(range(prefix, prefix + len(own)))
        assert 0 <= segment.seen.min() <= segment.seen.max() <= 1
        assert segment.seen.max() == 1  # the place is seen in every frame


def test_segments_side_by_side_give_what_each_gives_alone(trainer: Trainer, looked: list[Looked]) -> None:
    new = made(trainer)
    with torch.no_grad():
        together = new(Batch.of(looked, CPU))
        for i, segment in enumerate(looked):
            n = len(segment.asked)
            torch.testing.assert_close(together[i, :, :n], new(Batch.of([segment], CPU))[0], atol=1e-5, rtol=1e-4)


def test_every_word_has_one_topic() -> None:
    said = [word for topic in training_data.TOPICS for word in topic]
    assert sorted(said) == sorted(training_data.PATCH_WORDS)
    topics = specialists.topic_of(network.LAYERS)
    counts = torch.bincount(topics.flatten())
    assert len(counts) == len(training_data.TOPICS)
    assert counts.max() - counts.min() <= 1
    known = specialists.words_of(topics)
    assert known.shape == (network.LAYERS, ADDED_KEYS, len(said))
    assert torch.equal(known.sum((0, 1)) > 0, torch.ones(len(said), dtype=torch.bool))


def test_a_head_is_judged_by_its_own_topic_alone(trainer: Trainer, looked: list[Looked]) -> None:
    new, batch = made(trainer), Batch.of(looked, CPU)
    given = new(batch).detach()
    red = training_data.INDEX["red"]
    without, with_red = batch.seen.clone(), batch.seen.clone()
    without[:, red], with_red[:, red] = 0.0, 1.0
    change = new.losses(batch._replace(seen=with_red), given) - new.losses(batch._replace(seen=without), given)
    assert torch.equal(change.abs() > 1e-6, (new.topic[..., red] > 0).repeat_interleave(2, 1))


def test_words_are_wanted_in_deviations(looked: list[Looked]) -> None:
    scaled = torch.stack([s.seen for s in specialists.in_deviations(looked)])
    seen = torch.stack([s.seen for s in looked])
    torch.testing.assert_close(scaled.mean(0), torch.zeros(seen.shape[1]), atol=1e-5, rtol=0)
    varied = seen.std(0) > specialists.SELDOM
    assert varied.any()
    assert not varied.all()
    torch.testing.assert_close(scaled.std(0)[varied], torch.ones(int(varied.sum())))
    assert not scaled[:, seen.std(0) == 0].any()  # never a division by nothing


def test_questions_that_a_segment_lacks_count_for_nothing(trainer: Trainer, looked: list[Looked]) -> None:
    new = made(trainer)
    with torch.no_grad():
        batches = [Batch.of([segment], CPU) for segment in looked]
        alone = [
            new.losses(batch, new(batch)) * len(segment.asked) for batch, segment in zip(batches, looked, strict=True)
        ]
        batch = Batch.of(looked, CPU)
        together = new.losses(batch, new(batch))
    torch.testing.assert_close(together, sum(alone) / sum(len(s.asked) for s in looked), atol=1e-4, rtol=1e-4)


def test_they_learn(trainer: Trainer, looked: list[Looked], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specialists, "HELD_OUT", 1)
    config = specialists.SpecialistConfig(epochs=100, batch=2, rate=1e-2)
    new, again = (Specialists(trainer.model.model.language_model.rotary_emb, seed=1) for _ in range(2))
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    rows = specialists.fit(new, looked, config, CPU)
    assert len(rows) == 100
    assert all(len(row) == len(specialists.COLUMNS) for row in rows)
    assert rows[-1][2] < 0.5 * rows[0][2]
    assert all(torch.equal(p, before[name]) for name, p in trainer.model.named_parameters())
    assert [row[2:] for row in specialists.fit(again, looked, config, CPU)] == [row[2:] for row in rows]


def test_a_run_writes_a_model_that_is_read_by_the_usual_path(
    tmp_path: Path, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headhunt.models import load

    monkeypatch.setattr(specialists, "HELD_OUT", 2)
    config = specialists.SpecialistConfig(segments=6, epochs=2, batch=2, workers=0, threads=1)
    threads = torch.get_num_threads()
    try:
        specialists.run(tmp_path, "tiny", config, device="cpu", judge=0)
    finally:
        torch.set_num_threads(threads)
    known, tiny = load(str(tmp_path / "model"), device="cpu"), load("tiny", device="cpu")
    assert known.spec.heads == network.HEADS + ADDED
    assert known.spec.head_dim == tiny.spec.head_dim
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert "specialists" in card
    assert f"x {known.spec.heads} query heads" in card
    back = Trainer(TrainConfig(), CPU)
    back.begin_with(str(tmp_path / "model"))
    plain = Trainer(TrainConfig(), CPU)
    plain.begin_with("tiny")
    for (name, p), (_, wanted) in zip(back.model.named_parameters(), plain.model.named_parameters(), strict=True):
        assert torch.equal(p, wanted), name
    assert back.before == plain.before
    assert len((tmp_path / "specialists.csv").read_text().splitlines()) == 1 + config.epochs
    assert (tmp_path / "log-1.csv").is_file()


def test_a_run_needs_segments_to_learn_from_and_replaces_no_model(tmp_path: Path) -> None:
    few = specialists.SpecialistConfig(segments=specialists.HELD_OUT)
    with pytest.raises(UsageError, match="too few segments"):
        specialists.run(tmp_path / "new", "tiny", few, device="cpu")
    (tmp_path / "model").mkdir()
    with pytest.raises(UsageError, match="already holds a model"):
        specialists.run(tmp_path, "tiny", specialists.SpecialistConfig(), device="cpu")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
