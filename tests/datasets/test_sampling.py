from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from headhunt.datasets.sampling import sample
from headhunt.errors import UsageError
from headhunt.records import ManifestRow


def population(**sizes: int) -> list[ManifestRow]:
    """`normal=3, fire=2` gives 3 normal and 2 abnormal rows of category fire."""
    return [
        ManifestRow(
            f"{name}{i}", "", "normal" if name == "normal" else "abnormal", None, "" if name == "normal" else name
        )
        for name, size in sizes.items()
        for i in range(size)
    ]


def counts(rows: list[ManifestRow]) -> Counter[str]:
    return Counter(row.category or row.label for row in rows)


def test_sample_takes_the_paper_budget_from_the_xd_violence_counts() -> None:
    chosen = sample(population(normal=2049, violent=1905), fraction=0.01, seed=3)
    assert counts(chosen) == {"normal": 21, "violent": 19}


@pytest.mark.real_data
def test_sample_takes_16_of_the_1610_ucf_training_videos(real_data: Path) -> None:
    names = (real_data / "annotations/ucf_crime/Anomaly_Train.txt").read_text().split()
    rows = [
        ManifestRow(name, "train", "normal") if "Normal" in name else ManifestRow(name, "train", name.split("/")[0])
        for name in names
    ]
    for seed in range(5):
        chosen = sample(rows, fraction=0.01, seed=seed)
        assert len(chosen) == 16
        assert sum(row.label == "normal" for row in chosen) == 8
        # 8 of 810: the largest class (145 videos) has a share of 1.43, so no class may have more than 2.
        assert max(Counter(row.label for row in chosen if row.label != "normal").values()) <= 2


def test_sample_depends_on_the_seed_and_not_on_the_order() -> None:
    rows = population(normal=50, fire=30, theft=20)
    mixed = random.Random(0).sample(rows, len(rows))
    assert sample(rows, fraction=0.2, seed=1) == sample(mixed, fraction=0.2, seed=1)
    assert len({tuple(row.video for row in sample(rows, fraction=0.2, seed=seed)) for seed in range(20)}) == 20
    assert [row.video for row in sample(rows, fraction=0.2)] == sorted(row.video for row in sample(rows, fraction=0.2))


def test_sample_gives_every_category_its_share_rounded_up_or_down() -> None:
    rows = population(normal=100, fire=30, riot=7, theft=63)
    for seed in range(30):
        got = counts(sample(rows, fraction=0.1, seed=seed))
        assert got["normal"] == 10
        assert got["fire"] == 3
        assert got["riot"] in (0, 1)
        assert got["theft"] in (6, 7)


def test_of_several_classes_the_first_decides_so_that_more_of_them_move_no_choice() -> None:
    rows = population(normal=20, fire=10, theft=10)
    more = [replace(row, category=f"{row.category};riot") if row.category else row for row in rows]
    for seed in range(10):
        chosen = [[row.video for row in sample(of, limit=7, seed=seed)] for of in (rows, more)]
        assert chosen[0] == chosen[1]


def test_sample_is_equally_likely_to_take_any_video_of_a_class() -> None:
    rows = population(normal=2, fire=2, riot=3)
    taken = Counter(row.video for seed in range(3000) for row in sample(rows, limit=4, seed=seed) if row.category)
    assert len(taken) == 5
    assert all(abs(count - 3000 * 2 / 5) < 5 * (3000 * 0.4 * 0.6) ** 0.5 for count in taken.values())


def test_sample_choice_is_pinned() -> None:
    # The calibration videos of a published result must not move with a new version of anything.
    assert [row.video for row in sample(population(normal=10, fire=10), limit=4)] == [
        "fire5",
        "fire6",
        "normal1",
        "normal5",
    ]


def test_sample_keeps_two_of_each_class_or_all_there_are() -> None:
    assert counts(sample(population(normal=1000, fire=3), fraction=0.001)) == {"normal": 2, "fire": 2}
    assert counts(sample(population(normal=1000, fire=1), fraction=0.001)) == {"normal": 2, "fire": 1}
    assert counts(sample(population(normal=1000, fire=3), fraction=0.01)) == {"normal": 8, "fire": 2}


@pytest.mark.parametrize(
    ("limit", "want"), [(1, [1, 0]), (2, [1, 1]), (3, [2, 1]), (4, [2, 2]), (5, [3, 2]), (99, [50, 4])]
)
def test_a_limit_binds_and_serves_the_classes_in_turn(limit: int, want: list[int]) -> None:
    got = counts(sample(population(normal=50, fire=4), limit=limit))
    assert [got["normal"], got["fire"]] == want


def test_fraction_and_limit_together_take_the_smaller() -> None:
    rows = population(normal=50, fire=50)
    assert len(sample(rows, fraction=0.5, limit=10)) == 10
    assert len(sample(rows, fraction=0.1, limit=50)) == 10


@pytest.mark.parametrize(
    ("fraction", "size", "want"), [(0.29, 50, 15), (0.5, 5, 3), (0.1, 24, 2), (1.0, 7, 7), (1e-9, 9, 2)]
)
def test_a_fraction_is_rounded_to_the_nearest_half_up(fraction: float, size: int, want: int) -> None:
    assert len(sample(population(normal=size), fraction=fraction)) == want


def test_short_lists_are_sampled() -> None:
    assert sample([], fraction=0.5) == []
    assert len(sample(population(normal=1), fraction=0.01)) == 1
    assert sample(population(fire=2)) == population(fire=2)


def test_unlabelled_videos_are_a_class_of_their_own() -> None:
    rows = [*population(normal=10), *(ManifestRow(f"u{i}") for i in range(10))]
    assert counts(sample(rows, limit=6)) == {"normal": 3, "": 3}


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, float("nan")])
def test_a_fraction_out_of_range_is_a_usage_error(fraction: float) -> None:
    with pytest.raises(UsageError):
        sample(population(normal=3), fraction=fraction)


def test_a_limit_of_zero_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        sample(population(normal=3), limit=0)
