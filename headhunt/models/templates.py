"""Chat templates as a checkpoint's own files have them: messages to text, a placeholder for each visual token."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headhunt.documents import MalformedError, read_json
from headhunt.errors import ModelError
from headhunt.records import IMAGE

Part = dict[str, str]


def read_template(folder: Path) -> str | None:
    """The template of a checkpoint's processor, which is not always its tokenizer's; None where it has none of its own.

    Raises:
        ModelError: Its file is damaged.
    """
    plain, wrapped = folder / "chat_template.jinja", folder / "chat_template.json"
    try:
        if plain.is_file():
            return plain.read_text(encoding="utf-8")
        if wrapped.is_file():
            return str(read_json(wrapped)["chat_template"])
    except (OSError, ValueError, KeyError, TypeError, MalformedError) as error:
        raise ModelError(f"the chat template in {folder} is damaged", got=error, hint="fetch it again") from error
    return None


def text(value: str) -> Part:
    """A part of a message that is text."""
    return {"type": "text", "text": value}


def numbered(frame_text: str, count: int) -> list[Part]:
    """Parts of a message that show `count` frames one by one, each as `frame_text` writes it."""
    parts: list[Part] = []
    for index in range(count):
        before, after = frame_text.replace("{i}", str(index + 1)).split(IMAGE)
        parts += [*([text(before)] if before else []), {"type": "image"}, *([text(after)] if after else [])]
    return parts


def render(tokenizer: Any, template: str | None, parts: Sequence[Part], *, system: str | None) -> str:
    """A user's message and what asks for the answer, as the chat template writes them.

    Args:
        tokenizer: Of the checkpoint.
        template: Jinja; None for the tokenizer's own.
        parts: Of the user's message.
        system: A system message, None for none, which leaves it to the template.

    Raises:
        ModelError: The template cannot be filled in.
    """
    messages: list[dict[str, Any]] = [{"role": "user", "content": list(parts)}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": [text(system)]})
    try:
        rendered: str = tokenizer.apply_chat_template(
            messages, chat_template=template, tokenize=False, add_generation_prompt=True
        )
    except Exception as error:  # jinja's errors, and whatever a template stumbles over
        raise ModelError(
            "the chat template cannot be filled in", got=f"{type(error).__name__}: {error}", hint="fetch it again"
        ) from error
    return rendered


def tokenize(tokenizer: Any, rendered: str, placeholder: str, *, counts: Sequence[int], name: str) -> list[int]:
    """Token ids of a rendered message, each placeholder repeated once a visual token that takes its place.

    Args:
        tokenizer: Of the checkpoint.
        rendered: With one placeholder for each image or video.
        placeholder: As the tokenizer spells it.
        counts: Visual tokens of each of them.
        name: Of the model, for messages.

    Raises:
        ModelError: The template lost a placeholder, or the tokenizer splits it.
    """
    pieces = rendered.split(placeholder)
    if len(pieces) != len(counts) + 1:
        raise ModelError(
            f"the chat template of {name} lost frames",
            got=f"{len(pieces) - 1} placeholders {placeholder!r}",
            expected=len(counts),
        )
    filled = pieces[0] + "".join(placeholder * n + piece for n, piece in zip(counts, pieces[1:], strict=True))
    ids: list[int] = tokenizer(filled, add_special_tokens=False)["input_ids"]
    found = ids.count(tokenizer.convert_tokens_to_ids(placeholder))
    if found != sum(counts):
        raise ModelError(f"the tokenizer of {name} splits {placeholder!r}", got=found, expected=sum(counts))
    return ids


def refuse_placeholders(placeholders: Sequence[str], *texts: str | None) -> None:
    """Raise ModelError where a text that is asked holds what stands for frames."""
    for value in texts:
        for placeholder in placeholders:
            if value is not None and placeholder in value:
                raise ModelError(f"a prompt holds the image token {placeholder!r}", got=value)
