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
        self, model: Any, tokenizer: Any, *, name: str, root: Path, fingerprint: dict[str, Any], notes: tuple[str, ...]
    ) -> Backbone:
        """Prove the layout and hand the model over; `root` is the folder of the checkpoint's files.

        Raises:
            ModelError: It is not built as the family is.
        """
        ...


FAMILIES: Registry[Family] = Registry({"internvl": "headhunt.models.families.internvl:internvl"})
"""model_type of a checkpoint's configuration -> what makes a backbone of it."""
