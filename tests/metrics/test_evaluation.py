"""Metrics against scikit-learn on expanded frames."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score

from headhunt.errors import ComputeError, InputError, LabelError
from headhunt.frames import PROTOCOLS, counted_frames, frame_truth
from headhunt.metrics.evaluation import IOUS, VideoResult, count_matches, evaluate, temporal_iou
from headhunt.records import Event, Interval
from tests.made_annotations import ucf_crime

NAN = math.nan


def event(video: str, start: int, end: int) -> Event:
    return Event(video, start, end, start / 25, end / 25, 0.9, 0.8)


def result(video: str, scores: list[float], truth: list[tuple[int, int]], **options: object) -> VideoResult:
    """A video with segments of 10 frames at 25 frames per second."""
    start = np.arange(len(scores)) * 10
    values: dict = {
        "n_frames": len(scores) * 10,
        "fps": 25.0,
        "abnormal": bool(truth),
        "events": tuple(Interval(s, e) for s, e in truth),
        **options,
    }
    return VideoResult(video, start, start + 10, np.array(scores, dtype=float), **values)


def many(n: int, seed: int, n_segments: int = 30, failing: float = 0.1) -> list[VideoResult]:
    rng = np.random.default_rng(seed)
    videos = []
    for i in range(n):
        scores = np.round(rng.random(n_segments), 2)
        truth, predicted = [], []
        if i % 2:
            start = int(rng.integers(0, n_segments * 10 - 50))
            truth = [(start, start + int(rng.integers(10, 50)))]
            scores[start // 10 : truth[0][1] // 10 + 1] += 0.3
            predicted = [event(f"v{i}", start + 7, truth[0][1] + 3)]
        scores[rng.random(n_segments) < failing] = NAN
        category = ["", "Arson", "", "Fighting"][i % 4]
        options = {"category": category, "predicted": tuple(predicted)}
        videos.append(result(f"v{i}", scores.tolist(), truth, **options))
    return videos


def expand(videos: list[VideoResult]) -> tuple[np.ndarray, np.ndarray]:
    """Scores and truth of every frame that has a score."""
    scores = np.concatenate([np.repeat(v.score, 10) for v in videos])
    truth = np.concatenate([frame_truth(v.n_frames, v.events or ()) for v in videos])
    return scores[np.isfinite(scores)], truth[np.isfinite(scores)]


def trapezoid(truth: np.ndarray, scores: np.ndarray) -> float:
    precision, recall, _ = precision_recall_curve(truth, scores)
    return float(auc(recall, precision))


# --- events


def test_temporal_iou_counts_shared_frames() -> None:
    iou = temporal_iou([Interval(0, 10), Interval(20, 30)], [Interval(5, 15), Interval(10, 20), Interval(20, 30)])
    np.testing.assert_allclose(iou, [[5 / 15, 0, 0], [0, 0, 1]])
    assert temporal_iou([], [Interval(0, 1)]).shape == (0, 1)


def test_matching_finds_the_most_pairs() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        iou = rng.random((rng.integers(0, 5), rng.integers(0, 5)))
        wide, narrow = max(iou.shape), min(iou.shape)
        table = iou if iou.shape[0] == narrow else iou.T
        orders = itertools.permutations(range(wide), narrow)
        best = max(sum(table[i, j] >= 0.5 for i, j in enumerate(order)) for order in orders)
        assert count_matches(iou, threshold=0.5) == best


def test_an_iou_equal_to_the_threshold_matches() -> None:
    for inter, union, threshold in ((1, 10, 0.1), (3, 10, 0.3), (5, 10, 0.5)):
        iou = temporal_iou([Interval(0, inter)], [Interval(0, union)])
        assert count_matches(iou, threshold=threshold) == 1


def test_event_metrics_of_a_worked_example() -> None:
    found = (event("a", 0, 5), event("a", 20, 60), event("a", 90, 100))
    abnormal = result("a", [0.5] * 10, [(10, 40), (70, 80), (85, 95)], predicted=found)
    normal = result("n", [0.5] * 5 + [NAN] * 5, [], predicted=(event("n", 3, 4),))
    out = evaluate([abnormal, normal], tau=0.5, n_bootstrap=0)["event"]
    # IoU: [20, 60) with [10, 40) is 20 / 50; [90, 100) with [85, 95) is 5 / 15. Two of four detections touch nothing.
    assert out["iou_0.1"] == pytest.approx({"event_precision": 2 / 4, "event_recall": 2 / 3, "event_f1": 4 / 7})
    assert out["iou_0.3"] == out["iou_0.1"]
    assert out["iou_0.5"] == {"event_precision": 0.0, "event_recall": 0.0, "event_f1": 0.0}
    normal_frames = 100 - 50 + 50
    assert out["false_alarms_per_hour"] == pytest.approx(2 / (normal_frames / 25 / 3600))
    assert out["detection_rate"] == pytest.approx(2 / 3)
    assert out["detection_delay_mean_s"] == pytest.approx((10 + 5) / 2 / 25)
    assert out["detection_delay_median_s"] == pytest.approx((10 + 5) / 2 / 25)


def test_an_inclusive_end_frame_belongs_to_the_annotated_event() -> None:
    video = result("a", [0.5] * 10, [(10, 40)], predicted=(event("a", 40, 60),))
    exclusive, inclusive = (evaluate([video], tau=0.5, n_bootstrap=0, inclusive=i)["event"] for i in (False, True))
    assert (exclusive["detection_rate"], inclusive["detection_rate"]) == (0.0, 1.0)
    assert exclusive["false_alarms_per_hour"] > inclusive["false_alarms_per_hour"] == 0.0


def test_the_delay_is_zero_where_the_alarm_was_already_on() -> None:
    video = result("a", [0.5] * 10, [(10, 40)], predicted=(event("a", 5, 12), event("a", 30, 35)))
    assert evaluate([video], tau=0.5, n_bootstrap=0)["event"]["detection_delay_mean_s"] == 0.0


# --- the whole evaluation


def test_pooled_metrics_equal_scikit_learn_on_expanded_frames() -> None:
    videos, tau = many(12, 1), 0.65
    scores, truth = expand(videos)
    out = evaluate(videos, tau=tau, n_bootstrap=0)
    variants = {
        "continuous": scores,
        "gated": np.where(scores > tau, scores, 0.0),
        "binary": (scores > tau).astype(float),
    }
    for name, ranked in variants.items():
        expected = {
            "frame_auc": roc_auc_score(truth, ranked),
            "frame_ap_step": average_precision_score(truth, ranked),
            "frame_ap_trapezoid": trapezoid(truth, ranked),
        }
        assert out["frame"][name] == pytest.approx(expected, rel=1e-12)
    assert out["frame"]["binary"]["frame_auc"] != out["frame"]["continuous"]["frame_auc"]


def test_a_video_of_several_classes_counts_for_each() -> None:
    videos = [replace(v, category=v.category and f"{v.category};Riot") for v in many(12, 2)]
    out = evaluate(videos, tau=0.5, n_bootstrap=0)
    assert set(out["category"]) == {"Arson", "Fighting", "Riot"}
    assert out["category"]["Arson"] == evaluate(many(12, 2), tau=0.5, n_bootstrap=0)["category"]["Arson"]
    scores, truth = expand(videos)
    assert out["category"]["Riot"]["frame_auc"] == pytest.approx(roc_auc_score(truth, scores), rel=1e-12)


def test_metrics_of_groups_of_videos_equal_scikit_learn() -> None:
    videos = many(12, 2)
    out = evaluate(videos, tau=0.5, n_bootstrap=0)
    by_video = [expand([v]) for v in videos if v.abnormal]
    macro = np.mean([roc_auc_score(t, s) for s, t in by_video])
    assert out["per_video"]["frame_auc_macro"] == pytest.approx(macro, rel=1e-12)
    assert out["counts"]["n_videos_macro"] == 6
    scores, truth = expand([v for v in videos if v.abnormal])
    assert out["abnormal_videos"]["frame_auc"] == pytest.approx(roc_auc_score(truth, scores), rel=1e-12)
    assert set(out["category"]) == {"Arson", "Fighting"}
    scores, truth = expand([v for v in videos if v.category == "Arson" or not v.abnormal])
    assert out["category"]["Arson"]["frame_auc"] == pytest.approx(roc_auc_score(truth, scores), rel=1e-12)
    peaks, labels = [np.nanmax(v.score) for v in videos], [v.abnormal for v in videos]
    assert out["video"]["video_auc"] == pytest.approx(roc_auc_score(labels, peaks), rel=1e-12)
    assert out["video"]["video_ap_step"] == pytest.approx(average_precision_score(labels, peaks), rel=1e-12)


def test_frames_without_a_score_are_excluded_and_counted() -> None:
    videos = [
        result("a", [0.9, NAN, 0.1], [(5, 15)]),
        result("b", [0.2, 0.3], [], n_frames=27),
        result("c", [NAN], [], category=""),
    ]
    out = evaluate(videos, tau=0.5, n_bootstrap=0)
    counts = out["counts"]
    assert (counts["n_frames"], counts["n_excluded_frames"]) == (30 + 27 + 10, 10 + 7 + 10)
    assert (counts["n_positive_frames"], counts["n_excluded_positive_frames"]) == (10, 5)
    assert (counts["n_failed_segments"], counts["n_segments"], counts["n_videos_without_score"]) == (2, 6, 1)
    assert out["frame"]["continuous"]["frame_auc"] == pytest.approx((5 * 5 / 2 + 5 * 30) / (5 * 35))
    assert out["video"]["video_auc"] == 1.0


def test_a_video_whose_events_are_not_known_counts_at_video_level_only() -> None:
    known = [result("a", [0.9, 0.1], [(0, 10)]), result("n", [0.2, 0.3], [])]
    unknown = result("u", [0.1, 0.1], [], abnormal=True, events=None, predicted=(event("u", 0, 9),))
    with_it, without = (evaluate(v, tau=0.5, n_bootstrap=0) for v in ([*known, unknown], known))
    assert with_it["frame"] == without["frame"]
    assert with_it["event"] == without["event"]
    assert with_it["counts"]["n_videos_without_frame_truth"] == 1
    assert with_it["video"]["video_auc"] == 0.5


def test_what_one_class_leaves_undefined_is_null_with_its_reason() -> None:
    out = evaluate([result("a", [0.1, 0.2], []), result("b", [0.3], [])], tau=0.5, n_bootstrap=10)
    assert out["frame"]["continuous"]["frame_auc"] is None
    assert "0 abnormal and 30 normal frames" in out["undefined"]["frame/continuous/frame_auc"]
    assert "0 abnormal and 2 normal videos" in out["undefined"]["video/video_auc"]
    assert out["event"]["iou_0.1"] == {"event_precision": None, "event_recall": None, "event_f1": None}
    assert out["event"]["false_alarms_per_hour"] == 0.0
    nulls = json.dumps({k: v for k, v in out.items() if k not in {"undefined", "intervals_95"}}).count("null")
    assert nulls == len(out["undefined"])
    assert set(out["intervals_95"]) == {"event/false_alarms_per_hour"}


def test_false_alarms_without_any_annotated_event_leave_f1_undefined() -> None:
    out = evaluate([result("n", [0.1], [], predicted=(event("n", 0, 5),))], tau=0.5, n_bootstrap=0)
    assert out["event"]["iou_0.5"] == {"event_precision": 0.0, "event_recall": None, "event_f1": None}


@pytest.mark.parametrize("scores", [[], [0.9], [0.9, 0.1], [NAN, NAN]])
def test_a_single_short_video_is_evaluated_to_plain_json(scores: list[float]) -> None:
    truth = [(0, 5)] if scores else []
    out = evaluate([result("a", scores, truth)], tau=0.5)
    json.dumps(out, allow_nan=False)
    assert out["intervals_95"] == {}
    assert "one video" in out["undefined"]["intervals_95"]
    assert out["counts"]["n_frames"] == 10 * len(scores)


def test_the_bootstrap_equals_pooling_the_drawn_videos() -> None:
    videos, n_boot = many(8, 3, n_segments=8), 40
    out = evaluate(videos, tau=0.5, n_bootstrap=n_boot, seed=7)
    draws = np.random.default_rng(7).multinomial(8, np.full(8, 1 / 8), size=n_boot)
    pooled, steps, macro, f1, video = [], [], [], [], []
    for draw in draws:
        drawn = [v for v, times in zip(videos, draw, strict=True) for _ in range(times)]
        scores, truth = expand(drawn)
        if truth.any():
            pooled.append(roc_auc_score(truth, scores))
            steps.append(average_precision_score(truth, scores > 0.5))
            macro.append(
                np.mean([roc_auc_score(t, s) for s, t in (expand([v]) for v in drawn) if 0 < t.sum() < t.size])
            )
            hits = sum(temporal_iou(v.predicted, v.events or ()).max() >= 0.5 for v in drawn if v.events)
            f1.append(2 * hits / sum(len(v.predicted) + len(v.events or ()) for v in drawn))
        labels = [v.abnormal for v in drawn]
        if len(set(labels)) == 2:
            video.append(roc_auc_score(labels, [np.nanmax(v.score) for v in drawn]))
    for key, replicates in {
        "frame/continuous/frame_auc": pooled,
        "frame/binary/frame_ap_step": steps,
        "per_video/frame_auc_macro": macro,
        "event/iou_0.5/event_f1": f1,
        "video/video_auc": video,
    }.items():
        low, high = np.percentile(replicates, [2.5, 97.5])
        expected = {"low": low, "high": high, "n_undefined": n_boot - len(replicates)}
        assert out["intervals_95"][key] == pytest.approx(expected, rel=1e-9), key


def test_the_same_seed_gives_the_same_intervals_and_another_does_not() -> None:
    videos = many(10, 4)
    first, again, other = (evaluate(videos, tau=0.5, n_bootstrap=50, seed=s) for s in (0, 0, 1))
    assert first == again
    assert first["frame"] == other["frame"]
    assert first["intervals_95"] != other["intervals_95"]


def test_an_evaluation_refuses_no_video_a_video_twice_and_senseless_options() -> None:
    video = result("a", [0.1], [])
    for bad, options in (
        ([], {"tau": 0.5}),
        ([video, video], {"tau": 0.5}),
        ([video], {"tau": NAN}),
        ([video], {"tau": 0.5, "n_bootstrap": -1}),
        ([video], {"tau": 0.5, "protocol": "clip17"}),
    ):
        with pytest.raises(InputError):
            evaluate(bad, **options)  # type: ignore[arg-type]


def test_a_result_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(LabelError, match="normal but has events"):
        result("a", [0.1], [(0, 5)], abnormal=False)
    with pytest.raises(LabelError, match="has no event"):
        result("a", [0.1], [], abnormal=True)
    with pytest.raises(InputError, match="outside"):
        result("a", [0.1], [], n_frames=9)
    with pytest.raises(InputError, match="frame rate"):
        result("a", [0.1], [], fps=0.0)
    with pytest.raises(InputError, match="does not belong"):
        result("a", [0.1], [], predicted=(event("b", 0, 5),))
    with pytest.raises(InputError, match="does not belong"):
        result("a", [0.1], [], predicted=(event("a", 0, 11),))
    with pytest.raises(ComputeError, match="infinite"):
        result("a", [math.inf], [])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_padded_frames_hold_the_last_score_and_cut_frames_do_not_count(protocol: str) -> None:
    video = result("a", [0.9, 0.4, 0.6], [(5, 31)])
    out = evaluate([video, result("n", [0.5], [])], tau=0.5, protocol=protocol, n_bootstrap=0)
    scores = []
    for v in (np.repeat([0.9, 0.4, 0.6], 10), np.repeat([0.5], 10)):
        m = counted_frames(len(v), protocol=protocol)
        scores.append(np.concatenate([v, np.full(16, v[-1])])[:m])
    truth = np.zeros(sum(map(len, scores)), dtype=bool)
    truth[5 : min(31, len(scores[0]))] = True
    expected = roc_auc_score(truth, np.concatenate(scores))
    assert out["frame"]["continuous"]["frame_auc"] == pytest.approx(expected, rel=1e-12)
    assert (out["counts"]["n_frames"], out["counts"]["n_positive_frames"]) == (truth.size, truth.sum())
    assert out["counts"]["n_truth_events"] == 1


@pytest.mark.real_data
def test_scores_that_are_the_truth_reach_one_on_ucf_crime(real_data: Path) -> None:
    results = []
    for name, (n_frames, events) in ucf_crime(real_data / "annotations" / "ucf_crime").items():
        edges = sorted({0, n_frames, *(min(x, n_frames) for e in events for x in (e.start_frame, e.end_frame))})
        start, end = np.array(edges[:-1]), np.array(edges[1:])
        score = frame_truth(n_frames, events)[start].astype(float)
        found = tuple(event(name, s, e) for s, e, x in zip(edges, edges[1:], score, strict=False) if x)
        results.append(
            VideoResult(name, start, end, score, n_frames, 30.0, bool(events), tuple(events), predicted=found)
        )
    out = evaluate(results, tau=0.5, n_bootstrap=20)
    assert out["frame"]["gated"] == {"frame_auc": 1.0, "frame_ap_step": 1.0, "frame_ap_trapezoid": 1.0}
    assert all(out["event"][f"iou_{t}"]["event_f1"] == 1.0 for t in IOUS)
    assert out["event"]["false_alarms_per_hour"] == 0.0
    assert out["intervals_95"]["frame/continuous/frame_auc"] == {"low": 1.0, "high": 1.0, "n_undefined": 0}
    assert out["counts"]["n_truth_events"] == 156
