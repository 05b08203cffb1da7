"""Clocks for `gpu.py`: where an extraction's time goes, and where one batch's time on a CUDA device goes."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

MODEL_PARTS, HOST_PARTS = ("vision", "prefix", "suffix"), ("decode", "write")
KINDS = {
    "matrix products": ("gemm", "cutlass", "nvjet", "xmma", "cublas", "gemv", "splitk"),
    "attention": ("flash", "fmha", "attention", "softmax"),
    "copies": ("memcpy", "memset"),
}


class Clock:
    """Where the time goes: stretches of the device's work by events, stretches of this process by its clock.

    What this process waits for or does while the device works costs nothing; so a stretch of it counts for the part
    in which the device had nothing to do.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._work: list[tuple[str, Any, Any]] = []
        self._host: list[tuple[str, float, float]] = []
        self._inside = False
        self._begin_s, self._begin = 0.0, None

    def start(self) -> None:
        """Time counts from here."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self._begin_s, self._begin = time.perf_counter(), self._now()
        self._work.clear()
        self._host.clear()

    def _now(self) -> Any:
        if self.device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self.device))
        return event

    def _s(self, moment: Any) -> float:
        """Seconds from the start to what `_now` gave."""
        if self.device.type == "cuda":
            return float(self._begin.elapsed_time(moment)) / 1000
        return float(moment) - self._begin_s

    @contextmanager
    def model_part(self, name: str) -> Iterator[None]:
        """A stretch of the device's stream."""
        begin = self._now()
        yield
        self._work.append((name, begin, self._now()))

    @contextmanager
    def host_part(self, name: str) -> Iterator[None]:
        """A stretch of this process's time; one inside another counts once."""
        if self._inside:
            yield
            return
        self._inside, begin = True, time.perf_counter()
        try:
            yield
        finally:
            self._inside = False
            self._host.append((name, begin - self._begin_s, time.perf_counter() - self._begin_s))

    def stop(self) -> dict[str, float]:
        """Seconds of each part, "other" included; together they are the time since the start."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        whole = time.perf_counter() - self._begin_s
        spent = dict.fromkeys((*MODEL_PARTS, *HOST_PARTS), 0.0)
        busy = []
        for name, begin, end in ((name, self._s(begin), self._s(end)) for name, begin, end in self._work):
            spent[name] += end - begin
            if name == "prefix":
                spent["suffix"] -= end - begin  # the stretch of the prompts has the prefix inside
            else:
                busy.append((begin, end))
        edges = [0.0, *(edge for stretch in sorted(busy) for edge in stretch), whole]
        idle = np.array(edges).reshape(-1, 2)
        for name, begin, end in self._host:
            spent[name] += float((np.minimum(idle[:, 1], end) - np.maximum(idle[:, 0], begin)).clip(0).sum())
        return spent | {"other": whole - sum(spent.values())}


def kernels(extractor: Any, pixels: Any) -> None:
    """Print where one batch's time on a CUDA device goes, and the lines that wait for it."""
    from torch.profiler import ProfilerActivity, profile

    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        extractor(pixels)
    torch.cuda.set_sync_debug_mode("default")
    waits = Counter(f"{Path(w.filename).name}:{w.lineno}" for w in told if "synchroniz" in str(w.message).lower())
    torch.cuda.synchronize()
    begin = time.perf_counter()
    extractor(pixels)
    torch.cuda.synchronize()
    whole = 1000 * (time.perf_counter() - begin)
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
        extractor(pixels)
        torch.cuda.synchronize()
    found = [e for e in seen.key_averages() if str(e.device_type).endswith("CUDA")]
    spent: dict[str, float] = dict.fromkeys((*KINDS, "elementwise and others"), 0.0)
    for event in found:
        name = event.key.lower()
        kind = next((k for k, words in KINDS.items() if any(word in name for word in words)), "elementwise and others")
        spent[kind] += event.self_device_time_total / 1000
    print(f"one batch of {len(pixels)}: {whole:.1f} ms, of which the device works {sum(spent.values()):.1f} ms")
    for kind, ms in spent.items():
        print(f"{kind:<26}{ms:>8.1f} ms{ms / whole:>8.1%}")
    for event in sorted(found, key=lambda e: -e.self_device_time_total)[:16]:
        print(f"    {event.self_device_time_total / 1000:>8.1f} ms {event.count:>6} x  {event.key[:110]}")
    print("lines that wait for the device:", ", ".join(f"{line} ({n} x)" for line, n in waits.most_common()) or "none")
