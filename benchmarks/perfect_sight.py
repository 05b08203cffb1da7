"""What the embedded example's world allows, and where the embedded model loses it: frame AUC of a scorer that is told.

    python benchmarks/perfect_sight.py [--seeds N] [--calibration 16 48 112]
    python benchmarks/perfect_sight.py --model tiny --calibration 16 [--world train] [--first-seed 7 --seeds 1]

A segment is described by the share of its frames that truly show each word the embedded model was taught (who, colours,
actions, directions, things, light, place); a logistic regression on those is fitted on labelled calibration videos and
scores the held-out videos of the example, without smoothing. It says how much of what the example's heads miss is
missed by the model, and how much by 16 videos and a linear scorer.

With --model the frames are rendered too, and the same scorer is fitted on three more descriptions of a segment: the
model's visual tokens, compared with those words (of the cell that shows a word best, the mean over frames, and the
most); the heads of the last layer at the end of a prompt when the visual tokens are made of the true words; and those
heads when the vision tower looks. It then says what the tower loses and what the decoder does.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headhunt import prompts
from headhunt.demo.example import SECONDS
from headhunt.demo.training import visual_tokens
from headhunt.demo.training.decoder import decode
from headhunt.demo.training.grid import by_cell
from headhunt.demo.training.language import Pair
from headhunt.demo.training.network import make_tokenizer_of_words
from headhunt.demo.training.packing import Layout, pack
from headhunt.demo.training.patches import PATCH_WORDS, patches
from headhunt.demo.training.samples import FRAMES, LENGTH
from headhunt.demo.world.dataset import plan_dataset
from headhunt.demo.world.plan import VideoPlan
from headhunt.demo.world.rendering import Renderer
from headhunt.models import load
from headhunt.segments import overlap_labels, plan_segments, sample_frames

WORDS = "what is truly to be seen, in words"
TOWER = "the model's visual tokens, in words"
TOLD = "the last layer's heads, visual tokens made of the true words"
SEEN = "the last layer's heads, as the model sees"
PROMPT = "coarse"


class Video(NamedTuple):
    """Descriptions of the segments of a video, name -> (n, columns); their frames (n, 2); the plan."""

    features: dict[str, np.ndarray]
    frames: np.ndarray
    plan: VideoPlan


class Pictures(NamedTuple):
    """What segments show: frames uint8 (n, f, H, W, 3), and the words of their patches, as `patches` gives them."""

    pixels: np.ndarray
    words: np.ndarray


def described(plan: VideoPlan, rendered: bool) -> tuple[Video, Pictures | None]:
    """The true words of each segment, (n, words), and what it shows when that is `rendered`."""
    segments = plan_segments(plan.n_frames, length=LENGTH)
    shown = [sample_frames(segment, FRAMES) for segment in segments]
    words = np.stack([patches(plan, frames) for frames in shown])
    video = Video({WORDS: words.any((2, 3)).mean(1)}, np.array([(s.start_frame, s.end_frame) for s in segments]), plan)
    if not rendered:
        return video, None
    renderer = Renderer(plan)
    return video, Pictures(np.stack([renderer.frames(frames) for frames in shown]), words)


class Model:
    """The embedded model, asked for its visual tokens and the heads of its last layer."""

    def __init__(self, name: str) -> None:
        self.model: Any = load(name, device="cpu", dtype="float32").model  # type: ignore[attr-defined]
        self.layout = Layout(make_tokenizer_of_words())
        self.words = torch.tensor([self.layout.ids(" " + word)[0] for word in PATCH_WORDS])
        text = next(p.text for p in prompts.load("headhunt5").prompts if p.id == PROMPT)
        self.asked = pack(self.layout, [[Pair("description", text, "It")]], system=None)
        self.table = self.model.get_input_embeddings().weight

    @torch.no_grad()
    def features(self, pictures: Pictures) -> dict[str, np.ndarray]:
        """The three descriptions of each segment."""
        found: dict[str, list[np.ndarray]] = {TOWER: [], TOLD: [], SEEN: []}
        known = torch.nn.functional.normalize(self.table[self.words], dim=-1)
        for shown, said in zip(pictures.pixels, pictures.words, strict=True):
            tokens, _ = visual_tokens.see(self.model, torch.from_numpy(shown))
            best = (tokens @ known.T).amax(1)
            found[TOWER].append(torch.cat([best.mean(0), best.amax(0)]).numpy())
            found[SEEN].append(self._heads(tokens))
            cells = torch.from_numpy(by_cell(said).max(2)).float()
            found[TOLD].append(self._heads(visual_tokens.in_words(cells, self.table, self.words)))
        return {name: np.stack(rows) for name, rows in found.items()}

    def _heads(self, visual: torch.Tensor) -> np.ndarray:
        given = decode(self.model, self.asked, visual[None], self.layout.image).heads[-1]
        heads: np.ndarray = given[self.asked.asked][0].numpy()
        return heads


def truth_of(plan: VideoPlan) -> np.ndarray:
    """Which frames are abnormal."""
    labels = np.zeros(plan.n_frames, bool)
    for event in plan.events:
        labels[event.start_frame : event.end_frame] = True
    return labels


def fitted(videos: list[Video], name: str):  # type: ignore[no-untyped-def]
    """The scorer of some calibration videos on one of their descriptions."""
    rows = np.concatenate([video.features[name] for video in videos])
    abnormal = np.concatenate([overlap_labels(v.frames[:, 0], v.frames[:, 1], v.plan.events) for v in videos])
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=3000)).fit(rows, abnormal)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--calibration", type=int, nargs="+", default=[16, 48, 112], help="videos to calibrate on")
    parser.add_argument("--test", type=int, default=40, help="videos to measure on")
    parser.add_argument("--world", choices=("eval", "train"), default="eval")
    parser.add_argument("--model", help="ask this model of the embedded one's architecture too ('tiny')")
    options = parser.parse_args()
    began = time.perf_counter()
    names = [WORDS, *((TOWER, TOLD, SEEN) if options.model else ())]
    found: dict[tuple[str, int], list[tuple[float, float]]] = {(m, n): [] for m in names for n in options.calibration}
    model = Model(options.model) if options.model else None
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            made = plan_dataset(
                n_calibration=max(options.calibration), n_test=options.test, seed=seed, world=options.world,
                duration_s=SECONDS,
            )  # fmt: skip
            plans = [plan for _, plan in made]
            videos = []
            for video, pictures in pool.map(partial(described, rendered=model is not None), plans):
                if model is not None and pictures is not None:
                    video.features.update(model.features(pictures))
                videos.append(video)
            learnt = [v for v, (row, _) in zip(videos, made, strict=True) if row.split == "train"]
            test = [v for v, (row, _) in zip(videos, made, strict=True) if row.split == "test"]
            truth = np.concatenate([truth_of(video.plan) for video in test])
            for (name, n), values in found.items():
                scorer = fitted(learnt[:n], name)
                scores = np.concatenate(
                    [np.repeat(scorer.decision_function(v.features[name]), np.diff(v.frames)[:, 0]) for v in test]
                )
                values.append((roc_auc_score(truth, scores), average_precision_score(truth, scores)))
    what = f"{options.seeds} seeds from {options.first_seed} of the world {options.world!r}"
    print(f"{what}, {options.test} held-out videos, {time.perf_counter() - began:.0f} s\n")
    print("| a segment described by | calibration videos | frame AUC | frame AP |\n|---|---|---|---|")
    for (name, n), values in found.items():
        print(f"| {name} | {n} | " + " | ".join(_spread(column) for column in zip(*values, strict=True)) + " |")


def _spread(values: Sequence[float]) -> str:
    deviation = f" ±{np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{deviation}"


if __name__ == "__main__":
    main()
