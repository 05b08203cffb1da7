"""Model families: one file each, by `config.model_type`, loaded when a model asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from headhunt.registry import Registry

if TYPE_CHECKING:
    from headhunt.models.backbone import Backbone


class Family(Protocol):
    """Makes a backbone of a loaded model and its tokenizer."""

    def __call__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str,
        root: Path,
        fingerprint: dict[str, Any],
        notes: tuple[str, ...],
        packing: str,
    ) -> Backbone:
        """Prove the layout and hand the model over.

        Args:
            model: On its device, frozen.
            tokenizer: Its tokenizer.
            name: The id or folder it was asked for by.
            root: The folder of the checkpoint's files.
            fingerprint: What its activations depend on so far.
            notes: What the user should know of it.
            packing: How frames shall be shown: "video", "image", or "auto", the family's own way.

        Raises:
            ModelError: It is not built as the family is, or the family cannot show frames so.
        """
        ...


FAMILIES: Registry[Family] = Registry(
    {
        "internvl": "headhunt.models.families.internvl:InternVL",
        "llava_onevision": "headhunt.models.families.llava_onevision:LlavaOnevision",
        "qwen2_5_vl": "headhunt.models.families.qwen2_5_vl:Qwen25VL",
        "qwen3_vl": "headhunt.models.families.qwen3_vl:Qwen3VL",
    }
)
"""model_type of a checkpoint's configuration -> what makes a backbone of it."""
