"""The machine a run is on: what the card calls it, and whether bfloat16 is fast there."""

from __future__ import annotations

import functools
import platform
import time

import torch


def device_name(device: torch.device, threads: int) -> str:
    """What the card calls a device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU ({platform.machine()}), {threads} thread(s) of the trainer"


@functools.cache
def fast_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 faster than float32; CPUs without support are a hundred times slower."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    took = {}
    for dtype in (torch.float32, torch.bfloat16):
        matrix = torch.ones(256, 256, dtype=dtype, device=device)
        matrix @ matrix  # warm-up
        began = time.perf_counter()
        for _ in range(8):
            matrix @ matrix
        took[dtype] = time.perf_counter() - began
    return took[torch.bfloat16] < took[torch.float32]
