"""What a machine is called and what it is good at."""

from __future__ import annotations

import ctypes
import functools
import platform
import sys
import time

import torch


def device_name(device: torch.device, threads: int) -> str:
    """What the card calls it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU ({platform.machine()}), {threads} thread(s) of the trainer"


@functools.cache
def fast_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies bfloat16 faster than float32; a CPU without it is a hundred times slower."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    took = {}
    for dtype in (torch.float32, torch.bfloat16):
        matrix = torch.ones(256, 256, dtype=dtype, device=device)
        matrix @ matrix  # what is made once is not timed
        began = time.perf_counter()
        for _ in range(8):
            matrix @ matrix
        took[dtype] = time.perf_counter() - began
    return took[torch.bfloat16] < took[torch.float32]


def keep_memory() -> None:
    """Let glibc keep freed memory: without this large tensors are unmapped and faulted in again all the time."""
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        m_trim_threshold, m_mmap_threshold = -1, -3
        libc.mallopt(m_mmap_threshold, 1 << 30)
        libc.mallopt(m_trim_threshold, (1 << 31) - 1)
