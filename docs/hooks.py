"""A page that would load something from another machine is a warning, which the strict build does not let pass."""

from __future__ import annotations

import logging
import re
from typing import Any

log = logging.getLogger("mkdocs.hooks.offline")
LOADS = re.compile(r"<(?:script|img|iframe|source|link)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Look through a finished page; links that a reader may follow are no concern here."""
    for found in LOADS.findall(output):
        log.warning("%s loads from elsewhere: %s", page.file.src_uri, found)
    return output
