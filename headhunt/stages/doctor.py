"""Is this machine, and this model, fit to run? Each check is done for real, on small things."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headhunt.errors import HeadhuntError
from headhunt.fingerprint import Fingerprint
from headhunt.records import ManifestRow, ModelSpec, Prompt, Segment

if TYPE_CHECKING:
    from headhunt.models import Backbone

PACKAGES = ("torch", "transformers", "zarr", "numcodecs", "av", "numpy", "scipy", "scikit-learn", "safetensors")
GOLDEN = {"float32": 1e-3, "bfloat16": 5e-2}


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        name: What was looked at.
        ok: Whether it is fit.
        detail: What was found; for a failure, with the next step.
    """

    name: str
    ok: bool
    detail: str


def doctor(
    *,
    model: str = "tiny",
    device: str = "auto",
    dtype: str = "auto",
    attn: str = "auto",
    packing: str = "auto",
    revision: str | None = None,
    offline: bool = False,
    folder: Path | None = None,
) -> list[Check]:
    """Run every check; none stops the others. A model that loads is tried on every clause of the families' contract.

    Args:
        model: The model to load and prove; the embedded one by default.
        device: Where.
        dtype: In what precision.
        attn: With which attention implementation.
        packing: How it is shown frames.
        revision: Branch, tag or commit of it on the hub.
        offline: Never ask the hub.
        folder: A folder where a store shall be written; a temporary one by default.
    """
    checks: list[tuple[str, Callable[[], str]]] = [
        ("packages", _packages),
        ("device", lambda: _device(device)),
        ("decoder", _decoder),
        ("disk", lambda: _disk(folder)),
    ]
    found = [_tried(name, check) for name, check in checks]
    loaded: list[Backbone] = []

    def load() -> str:
        from headhunt import models

        options = {"device": device, "dtype": dtype, "attn": attn, "packing": packing}
        loaded.append(models.load(model, revision=revision, offline=offline, **options))
        return _model(loaded[0])

    found.append(_tried("model", load))
    for one in loaded:
        found += _contract(one)
    return found


def _tried(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except HeadhuntError as error:
        return Check(name, False, error.line)
    except Exception as error:  # a doctor reports whatever is wrong
        return Check(name, False, f"{type(error).__name__}: {error}")


def _contract(backbone: Backbone) -> list[Check]:
    """The clauses that every family keeps to, on this model."""
    from headhunt.extraction import contract

    trial = contract.Trial(backbone)
    return [_tried(name, partial(clause, trial)) for name, clause in contract.CLAUSES.items()]


def _packages() -> str:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    return f"Python {platform.python_version()}, " + ", ".join(versions)


def _device(device: str) -> str:
    from headhunt import models

    place = models.pick_device(device)
    import torch

    if place.type == "cuda":
        free, total = torch.cuda.mem_get_info(place)
        return f"{torch.cuda.get_device_name(place)}, {free / 2**30:.0f} of {total / 2**30:.0f} GiB free"
    return f"{place}, {torch.get_num_threads()} threads (a GPU is found on its own when there is one)"


def _decoder() -> str:
    """Encode frames that carry their number, decode them again, and compare."""
    import av

    from headhunt import video

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "check.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for i in range(60):
                pixels = np.full((48, 64, 3), 16 + 4 * (i % 50), np.uint8)
                for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                    container.mux(packet)
            for packet in stream.encode(None):
                container.mux(packet)
        info = video.probe(path)
        frames = video.read_frames(path, [0, 31, 49], info=info)
        levels = frames.reshape(3, -1).mean(axis=1)
        wanted = np.array([16.0, 16 + 4 * 31, 16 + 4 * 49])
        if info.n_frames != 60 or np.abs(levels - wanted).max() > 3:
            raise HeadhuntError(
                "decoded frames are not those that were encoded", got=levels.tolist(), expected=wanted.tolist()
            )
    return f"{video.decoder_version()}: frames come back exact by number"


def _disk(folder: Path | None) -> str:
    """Write, lock, read a store of one row where stores shall stand."""
    from headhunt import store as stores

    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        path = Path(scratch) / "check.zarr"
        fingerprint = Fingerprint(prompts=(Prompt("a", "a"),), context="final")
        made = stores.create(path, fingerprint=fingerprint, spec=ModelSpec(2, 2, 4, 8), info={})
        segment = Segment("a.mp4", 0, 48)
        planned = stores.PlannedVideo(ManifestRow("a.mp4"), 48, 25.0, 1.92, 1, (segment,), np.array([[0.0, 1.92]]))
        made = stores.plan(made, [planned])
        with stores.claim_shard(made, 0) as claimed:
            if not claimed:
                raise HeadhuntError("locks do not work on this file system", hint="put the store on a local disk")
            writer = stores.ShardWriter(made, 0)
            values = np.arange(16, dtype=np.float32).reshape(1, 1, 2, 2, 4)
            writer.add([0], values, np.ones((1, 1, 8), np.float32))
            writer.flush()
        back = stores.Store(path).layer(np.array([0]), 1, prompt="a")
        if not np.array_equal(back[0], values[0, 0, 1]):
            raise HeadhuntError("a store does not give back what was written")
        free = shutil.disk_usage(scratch).free
    return f"{folder or tempfile.gettempdir()}: store written, locked and read; {free / 2**30:.0f} GiB free"


def _model(backbone: Backbone) -> str:
    """What it is, and whether its heads say what they said when it was made, where that is known."""
    from headhunt import models
    from headhunt.extraction import golden
    from headhunt.extraction.activations import Extractor

    segment = golden.made_up(backbone)
    precision = str(backbone.dtype).removeprefix("torch.")
    known = golden.read(Path(models.resolve(backbone.name)))
    met = ""
    if known is not None:
        packed = Extractor(backbone, segment.questions, sharing="packed")(segment.pixels).heads
        met = _met(known.error(segment.golden(packed)), GOLDEN[precision])
    spec = backbone.spec
    return (
        f"{backbone.name}: {spec.layers} x {spec.heads} heads of {spec.head_dim}, {precision}, {backbone.attention}; "
        f"heads proved (error {backbone.head_error:.1e}), frames as {backbone.packing}{met}"
    )


def _met(error: float, allowed: float) -> str:
    """Judge the distance from the activations that the checkpoint's maker measured."""
    if not error <= allowed:
        raise HeadhuntError(
            "the heads do not say what they said when the model was made",
            got=f"a difference of {error:.1e}",
            expected=f"at most {allowed:g}",
            hint="are the weights whole, and torch and transformers of a version that is supported?",
        )
    return f"; golden activations met within {error:.1e}"
