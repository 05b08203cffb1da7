r"""Names of files as text that can be stored and printed anywhere, and what a name says; opens nothing.

A name on disk is bytes, and old archives have some that are not UTF-8. Python reads such bytes as lone surrogates,
which no file in UTF-8 can hold. Here they are spelt out, as in `caf\xe9.mp4`.
"""

from __future__ import annotations

import os
import re

# fmt: off
VIDEO_SUFFIXES = frozenset((
    ".264", ".265", ".3g2", ".3gp", ".asf", ".avi", ".dav", ".divx", ".f4v", ".flv", ".h264", ".h265", ".hevc", ".ivf",
    ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts",
    ".vob", ".webm", ".wmv",
))
# fmt: on
IMAGE_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))
_SYSTEM_FOLDERS = frozenset(
    (
        "@eadir",
        ".@__thumb",
        "@__thumb",
        "#recycle",
        "@recycle",
        ".recycle",
        "#snapshot",
        ".snapshot",
        "@recently-snapshot",
        "@tmp",
        "$recycle.bin",
        "lost+found",
        "system volume information",
    )
)

_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_LOOKS_SPELT = re.compile(r"\\(?=x5c|x[89a-f][0-9a-f]|ud[89a-f][0-9a-f]{2})")
_SPELT = re.compile(r"\\(?:x(5c|[89a-f][0-9a-f])|u(d[89a-f][0-9a-f]{2}))")


def spelt_out(text: str) -> str:
    """A text with what UTF-8 cannot hold spelt out; every other text as it is."""
    return text if text.isascii() else _NOT_UTF8.sub(_spell, text)


def text_of(path: str | os.PathLike[str]) -> str:
    r"""A path as text, a different one for every path; `path_of` is the way back.

    >>> text_of("caf\udce9.mp4"), text_of("plain ü.mp4")
    ('caf\\xe9.mp4', 'plain ü.mp4')
    """
    return spelt_out(_LOOKS_SPELT.sub(r"\\x5c", os.fspath(path)))


def path_of(text: str) -> str:
    r"""The path whose text this is.

    >>> path_of("caf\\xe9.mp4") == "caf\udce9.mp4"
    True
    """
    return _SPELT.sub(_read, text)


def of_the_system(name: str) -> bool:
    """Whether a folder of this name holds what a network drive or a system keeps for itself: thumbnails, deleted files.

    >>> of_the_system("@eaDir"), of_the_system("cam1")
    (True, False)
    """
    return name.casefold() in _SYSTEM_FOLDERS


def _spell(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def _read(found: re.Match[str]) -> str:
    if found[2]:
        return chr(int(found[2], 16))
    code = int(found[1], 16)
    return chr(code) if code < 0x80 else chr(0xDC00 + code)
