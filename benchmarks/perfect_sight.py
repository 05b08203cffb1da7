"""What the embedded example's world allows: frame AUC of a scorer that is told what is to be seen.

    python benchmarks/perfect_sight.py [--seeds N] [--calibration 16 48 112]

No model is asked. A segment is described by the share of its frames that truly show each word the embedded model was
taught (who, colours, actions, directions, things, light, place); a logistic regression on those is fitted on labelled
calibration videos and scores the held-out videos of the example, without smoothing. It says how much of what the
example's heads miss is missed by the model, and how much by 16 videos and a linear scorer.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headhunt.demo.dataset import plan_dataset
from headhunt.demo.plan import VideoPlan
from headhunt.demo.training_data import FRAMES, LENGTH, patches
from headhunt.segments import overlap_labels, plan_segments, sample_frames

Video = tuple[np.ndarray, np.ndarray, VideoPlan]


def described(plan: VideoPlan) -> Video:
    """Words of each segment (n, words), its frames (n, 2), and the plan."""
    segments = plan_segments(plan.n_frames, length=LENGTH)
    words = np.stack([patches(plan, sample_frames(s, FRAMES)).any((1, 2)).mean(0) for s in segments])
    return words, np.array([(s.start_frame, s.end_frame) for s in segments]), plan


def truth_of(plan: VideoPlan) -> np.ndarray:
    """Which frames are abnormal."""
    labels = np.zeros(plan.n_frames, bool)
    for event in plan.events:
        labels[event.start_frame : event.end_frame] = True
    return labels


def fitted(videos: list[Video]):  # type: ignore[no-untyped-def]
    """The scorer of some calibration videos."""
    words = np.concatenate([w for w, _, _ in videos])
    abnormal = np.concatenate([overlap_labels(e[:, 0], e[:, 1], plan.events) for _, e, plan in videos])
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=3000)).fit(words, abnormal)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--calibration", type=int, nargs="+", default=[16, 48, 112], help="videos to calibrate on")
    parser.add_argument("--test", type=int, default=40, help="videos to measure on")
    options = parser.parse_args()
    began = time.perf_counter()
    found: dict[int, list[tuple[float, float]]] = {n: [] for n in options.calibration}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for seed in range(options.seeds):
            made = plan_dataset(n_calibration=max(options.calibration), n_test=options.test, seed=seed)
            videos = list(pool.map(described, [plan for _, plan in made], chunksize=4))
            learnt = [v for v, (row, _) in zip(videos, made, strict=True) if row.split == "train"]
            test = [v for v, (row, _) in zip(videos, made, strict=True) if row.split == "test"]
            truth = np.concatenate([truth_of(plan) for _, _, plan in test])
            for n in options.calibration:
                scorer = fitted(learnt[:n])
                scores = np.concatenate([np.repeat(scorer.decision_function(w), e[:, 1] - e[:, 0]) for w, e, _ in test])
                found[n].append((roc_auc_score(truth, scores), average_precision_score(truth, scores)))
    print(f"{options.seeds} seeds, {options.test} held-out videos, {time.perf_counter() - began:.0f} s\n")
    print("| calibration videos | frame AUC | frame AP |\n|---|---|---|")
    for n, values in found.items():
        mean, spread = np.mean(values, 0), np.std(values, 0, ddof=1 if options.seeds > 1 else 0)
        print(f"| {n} | {mean[0]:.3f} ±{spread[0]:.3f} | {mean[1]:.3f} ±{spread[1]:.3f} |")


if __name__ == "__main__":
    main()
