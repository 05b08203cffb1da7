"""Named variants, loaded when they are asked for; knows none of them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Generic, TypeVar, cast

T = TypeVar("T")


class Registry(MutableMapping[str, T], Generic[T]):
    """A dict of variants whose values may be written as "module:name".

    Listing the names imports nothing; looking one up imports its module. A variant from outside is added like any
    item: `SALIENCIES["mine"] = Saliency(my_function)`.

    Args:
        variants: Name -> the variant, or where it is defined.
    """

    def __init__(self, variants: Mapping[str, T | str]) -> None:
        self._variants: dict[str, T | str] = dict(variants)

    def __getitem__(self, name: str) -> T:
        found = self._variants[name]
        if isinstance(found, str):
            module, _, attribute = found.partition(":")
            found = self._variants[name] = cast(T, getattr(importlib.import_module(module), attribute))
        return found

    def __setitem__(self, name: str, variant: T | str) -> None:
        self._variants[name] = variant

    def __delitem__(self, name: str) -> None:
        del self._variants[name]

    def __contains__(self, name: object) -> bool:
        return name in self._variants

    def __iter__(self) -> Iterator[str]:
        return iter(self._variants)

    def __len__(self) -> int:
        return len(self._variants)
