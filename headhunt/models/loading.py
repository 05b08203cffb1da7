"""`load(name)` -> a frozen multimodal LLM that extraction can run; one file a family, by config.model_type."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headhunt.errors import ModelError
from headhunt.models.backbone import Backbone
from headhunt.models.families import FAMILIES
from headhunt.records import canonical_json

if TYPE_CHECKING:
    import torch

ALIASES = {
    "internvl3": "OpenGVLab/InternVL3-8B-hf",
    "internvl3-1b": "OpenGVLab/InternVL3-1B-hf",
    "internvl3-2b": "OpenGVLab/InternVL3-2B-hf",
    "internvl3-8b": "OpenGVLab/InternVL3-8B-hf",
    "internvl3-14b": "OpenGVLab/InternVL3-14B-hf",
    "internvl3-38b": "OpenGVLab/InternVL3-38B-hf",
    "llava-onevision": "llava-hf/llava-onevision-qwen2-7b-ov-hf",
    "llava-onevision-0.5b": "llava-hf/llava-onevision-qwen2-0.5b-ov-hf",
    "llava-onevision-7b": "llava-hf/llava-onevision-qwen2-7b-ov-hf",
    "qwen2.5-vl": "Qwen/Qwen2.5-VL-7B-Instruct",
    "qwen2.5-vl-3b": "Qwen/Qwen2.5-VL-3B-Instruct",
    "qwen2.5-vl-7b": "Qwen/Qwen2.5-VL-7B-Instruct",
    "qwen2.5-vl-32b": "Qwen/Qwen2.5-VL-32B-Instruct",
    "qwen2.5-vl-72b": "Qwen/Qwen2.5-VL-72B-Instruct",
    "qwen3-vl": "Qwen/Qwen3-VL-8B-Instruct",
    "qwen3-vl-2b": "Qwen/Qwen3-VL-2B-Instruct",
    "qwen3-vl-4b": "Qwen/Qwen3-VL-4B-Instruct",
    "qwen3-vl-8b": "Qwen/Qwen3-VL-8B-Instruct",
    "qwen3-vl-32b": "Qwen/Qwen3-VL-32B-Instruct",
}
TINY = "tiny"
DTYPES = ("auto", "bfloat16", "float32")
ATTENTIONS = ("auto", "sdpa", "eager")
PACKINGS = ("auto", "video", "image")


def resolve(name: str) -> str:
    """The hub id or folder that an alias, id or folder stands for."""
    if name == TINY:
        from headhunt.models.random import EMBEDDED

        return str(EMBEDDED)
    return ALIASES.get(name.lower(), name)


def load(
    name: str,
    *,
    revision: str | None = None,
    dtype: str = "auto",
    device: str = "auto",
    attn: str = "auto",
    offline: bool = False,
    packing: str = "auto",
) -> Backbone:
    """Load a checkpoint, frozen, and prove that its heads are where extraction looks for them.

    Args:
        name: Alias (`internvl3`, `internvl3-1b` ..., `tiny`), hub id or local folder.
        revision: Branch, tag or commit on the hub.
        dtype: "auto" (bfloat16 on an accelerator, float32 on a CPU), "bfloat16" or "float32".
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        attn: "auto" (sdpa) or "eager" or "sdpa".
        offline: Never ask the hub; use what is on disk.
        packing: "video" (as one video, in the family's own packing), "image" (frame by frame), or "auto", the family's
            own way.

    Raises:
        ModelError: Not found, not reachable, damaged, or of a family that is not supported.
    """
    if offline:
        # Read once, when huggingface_hub is first imported; transformers must not be loaded before.
        os.environ["HF_HUB_OFFLINE"] = "1"
    if dtype not in DTYPES:
        raise ModelError("unknown dtype", got=dtype, expected=" or ".join(DTYPES))
    if attn not in ATTENTIONS:
        raise ModelError("unknown attention implementation", got=attn, expected=" or ".join(ATTENTIONS))
    if packing not in PACKINGS:
        raise ModelError("unknown way to show frames", got=packing, expected=" or ".join(PACKINGS))
    import torch
    import transformers

    where = resolve(name)
    place = pick_device(device)
    precision = (torch.float32 if place.type == "cpu" else torch.bfloat16) if dtype == "auto" else getattr(torch, dtype)
    root = _snapshot(where, revision=revision, offline=offline)
    config = _ask(transformers.AutoConfig.from_pretrained, root)
    if config.model_type not in FAMILIES:
        raise ModelError(
            f"{name} is a {config.model_type!r} model, a family that is not supported",
            expected=" or ".join(sorted(FAMILIES)),
            hint="for InternVL take a checkpoint whose name ends in -hf",
        )
    make = FAMILIES[config.model_type]
    options = {"dtype": precision, "attn_implementation": "sdpa" if attn == "auto" else attn, "use_safetensors": True}
    load_model = transformers.AutoModelForImageTextToText.from_pretrained
    with quiet():
        model, report = _ask(load_model, root, output_loading_info=True, **options)
    missing = sorted(set(report["missing_keys"]) - {"lm_head.weight"}) + sorted(map(str, report["mismatched_keys"]))
    if missing:
        raise ModelError(f"{root} lacks weights", got=missing[:5], expected="every weight", hint="fetch it again")
    model.requires_grad_(False).eval().to(place)
    tokenizer = _ask(transformers.AutoTokenizer.from_pretrained, root)
    fingerprint = {
        "weights": _weights_digest(root),
        "architecture": type(model).__name__,
        "config": _digest(canonical_json(_plain(config.to_diff_dict())).encode()),
        "transformers": transformers.__version__,
    }
    notes = (root / "NOTE.txt").read_text(encoding="utf-8").strip() if (root / "NOTE.txt").is_file() else ""
    return make(
        model,
        tokenizer,
        name=name,
        root=root,
        fingerprint=fingerprint,
        notes=(notes,) if notes else (),
        packing=packing,
    )


def pick_device(device: str) -> torch.device:
    """The device a name stands for; "auto" is the first CUDA device, else the CPU.

    Raises:
        ModelError: It cannot be used here.
    """
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"device {device!r} cannot be used here", got=error, hint="try --device cpu") from error
    return place


def _snapshot(where: str, *, revision: str | None, offline: bool) -> Path:
    """The folder with the checkpoint's files: the local one, or the hub's snapshot of one commit."""
    local = Path(where).expanduser() if not where.startswith("~") or where.startswith("~/") else Path(where)
    if where and local.is_dir():
        if not (local / "config.json").is_file():
            raise ModelError(f"{local} is not a checkpoint folder", expected="config.json in it")
        if revision is not None:
            raise ModelError("a local folder has no revisions", got=revision, hint="leave --revision out")
        return local
    if local.is_absolute() or where.startswith((".", "~")) or where.count("/") != 1:
        raise ModelError(
            f"no model {where!r}",
            expected=f"a folder, a hub id like owner/name, or one of {', '.join([*sorted(ALIASES), TINY])}",
        )
    from huggingface_hub import snapshot_download

    patterns = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model"]
    path = _ask(
        snapshot_download, where, revision=revision, allow_patterns=patterns, local_files_only=offline or _offline()
    )
    return Path(path)


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def _ask(call: Callable[..., Any], where: Any, /, **options: Any) -> Any:
    """Call a loader of transformers or the hub; whatever goes wrong there is told in one sentence."""
    try:
        return call(where, **options)
    except Exception as error:  # a damaged configuration ends there in whatever its reader stumbles over
        first = " ".join(str(error).split())[:300]
        raise ModelError(
            f"cannot load {where}",
            got=f"{type(error).__name__}: {first}",
            hint="check the name and the network, or give a local folder; --offline uses only what is on disk",
        ) from error


def _weights_digest(root: Path) -> str:
    """The commit for a hub snapshot (a commit never changes), a digest of the files for any other folder."""
    if root.parent.name == "snapshots" and len(root.name) == 40:
        return f"commit:{root.name}"
    files = sorted(root.glob("*.safetensors"))
    if not files:
        raise ModelError(f"no weights in {root}", expected="*.safetensors", hint="convert with save_pretrained")
    total = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return f"sha256:{total.hexdigest()}"


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars of transformers while a model is loaded or saved; they are as before afterwards."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _plain(value: Any) -> Any:
    """The configuration without what names a place or a version rather than the model."""
    if isinstance(value, dict):
        dropped = {"_name_or_path", "transformers_version", "dtype", "torch_dtype", "_attn_implementation"}
        return {str(k): _plain(v) for k, v in value.items() if k not in dropped}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
