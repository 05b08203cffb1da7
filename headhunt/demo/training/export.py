"""A trained model as files: the checkpoint folder, its scores and its card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headhunt.demo.training import language, network
from headhunt.demo.training.grid import TOKENS
from headhunt.demo.training.lessons import CHECK_SEEDS
from headhunt.demo.training.measures import spreads
from headhunt.demo.training.packing import Layout
from headhunt.demo.training.patches import PATCH_WORDS
from headhunt.demo.training.samples import FRAMES, LENGTH, pooled, segments_of
from headhunt.demo.training.trainer import MUON, Trainer

LEVEL_VIDEOS = 8  # videos of the world "train" on which head outputs are measured before they are levelled
NOTE = "embedded model, trained on rendered video only: it describes what is visible and judges nothing"


def export(trainer: Trainer, out: Path, *, n_videos: int, note: str = "") -> None:
    """Write the averaged, levelled weights of a run as a checkpoint folder, with scores and card beside it.

    Args:
        trainer: The run, after training or `restore`.
        out: Folder of the run; `model/` is written there.
        n_videos: Held-out videos to judge the model on, two segments each; 0 for none.
        note: Anything else worth knowing about the run, for the card and the scores.
    """
    # By chance alone, some layers have larger head outputs than others. The methods fit on them unscaled, and would
    # see some layers and not others.
    measured_on = [s for i in range(LEVEL_VIDEOS) for s in segments_of(CHECK_SEEDS + i, split="train", n=2)]
    with trainer.averaged():
        even = network.levelled(trainer.model, spreads(trainer, pooled(measured_on)))
    run = _figures(trainer) | ({"note": note} if note else {})
    write_model(even, trainer.tokenizer, trainer.layout, out, runs=[*trainer.before, run], n_videos=n_videos)


def write_model(
    model: Any, tokenizer: Any, layout: Layout, out: Path, *, runs: list[dict[str, Any]], n_videos: int
) -> None:
    """Write a model as a checkpoint folder, judge it, and write scores and card beside it.

    Args:
        model: InternVLForConditionalGeneration.
        tokenizer: Its tokenizer.
        layout: Built on the same tokenizer.
        out: Folder of the run; `model/` is written there.
        runs: Figures of each training run, oldest first.
        n_videos: Held-out videos to judge the model on, two segments each; 0 for none.
    """
    from headhunt.demo.training import held_out
    from headhunt.demo.training.card import model_card
    from headhunt.extraction import golden
    from headhunt.models import load

    folder = out / "model"
    folder.mkdir(parents=True, exist_ok=True)
    network.save(model, tokenizer, folder, note=NOTE)
    backbone = load(str(folder), device="cpu", dtype="float32")  # judged as it will be used: same code, dtype, weights
    golden.save(golden.measure(backbone), folder)
    model = backbone.model
    judged, examples = held_out.judge(model, layout, n_videos=n_videos) if n_videos else (None, [])
    sizes = {
        "frames": FRAMES, "length": LENGTH, "height": network.HEIGHT, "width": network.WIDTH,
        "parameters": sum(p.numel() for p in model.parameters()),
        "vision": sum(p.numel() for p in model.model.vision_tower.parameters()),
        "layers": network.LAYERS, "heads": backbone.spec.heads, "hidden": network.HIDDEN, "tokens": TOKENS,
        "vocabulary": len(tokenizer), "words": len(language.WORDS),
        "megabytes": (folder / "model.safetensors").stat().st_size / 1e6, "shown": len(PATCH_WORDS),
        "level": network.LEVEL,
    }  # fmt: skip
    record = {"training": runs[-1], "before": runs[:-1], "judged": judged, "examples": examples}
    (out / "scores.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (out / "MODEL_CARD.md").write_text(model_card(sizes, runs, judged, examples), encoding="utf-8")


def _figures(trainer: Trainer) -> dict[str, Any]:
    told, frames, segments = trainer.drawn
    config = trainer.config
    return {
        "device": trainer.ran_on,
        "hours": round(trainer.seconds / 3600, 3),
        "steps": trainer.step,
        "segments told in words": told,
        "single frames": frames,
        "segments": segments,
        "videos rendered": sum(trainer.next_video),
        "batch": config.batch,
        "phases": f"{config.told:g}, {config.frames:g} and the rest of the time; samples shown "
        f"{', '.join(map(str, config.uses))} times",
        "optimiser": f"Muon for matrices at {MUON:g} times the rate, AdamW for the rest at {config.rate:g} at most"
        f"{f', read-outs at {config.read_rate:g} times' if config.read_rate != 1 else ''}, "
        f"weight decay {config.weight_decay:g}, {str(trainer.products).removeprefix('torch.')} products",
        "seed": config.seed,
        **({"cells of a frame looked at": config.cells} if config.cells != TOKENS else {}),
    }
