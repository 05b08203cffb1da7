"""Areas from counts against scikit-learn on expanded frames."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score

from headhunt.errors import InputError, LabelError
from headhunt.metrics.areas import frame_metrics

NAN = math.nan


def trapezoid(truth: np.ndarray, scores: np.ndarray) -> float:
    precision, recall, _ = precision_recall_curve(truth, scores)
    return float(auc(recall, precision))


@pytest.mark.parametrize("n_levels", [1, 2, 5, 1000])
def test_areas_from_counts_equal_scikit_learn_on_frames(n_levels: int) -> None:
    rng = np.random.default_rng(n_levels)
    scores = rng.integers(0, n_levels, 200) / n_levels
    positives, negatives = rng.integers(0, 4, 200), rng.integers(0, 9, 200)
    frames = np.concatenate([np.repeat(scores, positives), np.repeat(scores, negatives)])
    truth = np.arange(len(frames)) < positives.sum()
    got = frame_metrics(scores, positives, negatives)
    assert got["auc"] == pytest.approx(roc_auc_score(truth, frames), rel=1e-12)
    assert got["ap_step"] == pytest.approx(average_precision_score(truth, frames), rel=1e-12)
    assert got["ap_trapezoid"] == pytest.approx(trapezoid(truth, frames), rel=1e-12)


def test_on_binary_scores_the_trapezoid_is_077_where_the_step_is_060() -> None:
    # True positive rate .8, precision .7, prevalence .2: of 1400 frames 280 are abnormal, 320 are flagged, 224 rightly.
    got = frame_metrics([1.0, 0.0], [224, 56], [96, 1024])
    assert got["ap_step"] == pytest.approx(0.60, abs=1e-12)
    assert got["ap_trapezoid"] == pytest.approx(0.77, abs=1e-12)


@pytest.mark.parametrize(("positives", "negatives"), [([1, 1], [0, 0]), ([0, 0], [1, 1]), ([0, 0], [0, 0])])
def test_one_class_has_no_areas(positives: list[int], negatives: list[int]) -> None:
    with pytest.raises(LabelError, match="one class"):
        frame_metrics([0.1, 0.9], positives, negatives)
    with pytest.raises(LabelError):
        frame_metrics([], [], [])


def test_counts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="shape"):
        frame_metrics([0.1], [1, 2], [1, 2])
    with pytest.raises(InputError, match="finite"):
        frame_metrics([NAN, 0.5], [1, 2], [1, 2])
    with pytest.raises(InputError, match="negative"):
        frame_metrics([0.1, 0.5], [1, -2], [1, 2])
