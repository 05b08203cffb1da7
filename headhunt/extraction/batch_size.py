"""How many segments a forward pass takes: a fixed number or one that is found, and less when memory runs out."""

from __future__ import annotations

from typing import Literal

from headhunt.errors import ComputeError

Asked = int | Literal["auto"]
GAIN = 1.1
"""Twice the batch must give so many times the segments a second, or the smaller one stays."""
TRIES = 2
"""Passes by which a size is judged; the faster counts, for the first one of a size also warms up."""
LARGEST = 128


class BatchSize:
    """The number of segments of the next pass; one object lives as long as a run.

    With "auto" it starts at one segment and doubles until memory runs out, twice as many give no gain, or 128. Which
    size is found depends on timing, so two runs with "auto" can differ by what rounding in batches of other sizes
    differs by.

    Args:
        asked: Segments, >= 1, or "auto".

    Attributes:
        now: Segments of the next pass.
        notes: What the user should know.
    """

    def __init__(self, asked: Asked) -> None:
        self._searching = asked == "auto"
        self.now: int = 1 if asked == "auto" else asked
        self.notes: list[str] = []
        self._rates: list[float] = []
        self._before: tuple[int, float] | None = None  # the last size that was judged, its segments a second

    def passed(self, rows: int, seconds: float) -> None:
        """Tell of a pass that went well; a smaller one than asked for says nothing of the size."""
        if not self._searching or rows != self.now:
            return
        self._rates.append(rows / max(seconds, 1e-9))
        if len(self._rates) < TRIES:
            return
        rate, self._rates = max(self._rates), []
        if self._before is not None and rate < GAIN * self._before[1]:
            self._settle(self._before[0])
        elif 2 * self.now > LARGEST:
            self._settle(self.now)
        else:
            self._before, self.now = (self.now, rate), 2 * self.now

    def ran_out(self, rows: int) -> None:
        """Tell of a pass that did not fit into memory; from now on passes are half of it at most.

        Args:
            rows: Segments it had.

        Raises:
            ComputeError: It had one segment only.
        """
        if rows == 1:
            raise ComputeError(
                "one segment does not fit into memory",
                hint="sample fewer frames (--frames), take fewer prompts or --sharing loop, a smaller model, "
                "--dtype bfloat16, or a device with more memory",
            )
        if self._searching:
            self._settle(rows // 2)
        else:
            self.now = rows // 2
            self.notes.append(f"{rows} segments a pass do not fit into memory: went on with {self.now}")

    def _settle(self, size: int) -> None:
        self.now, self._searching = size, False
        self.notes.append(f"--batch-size auto went on with {size} segments a pass")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, the device's or this machine's, ran out."""
    import torch

    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    told = str(error).lower()
    words = ("out of memory", "can't allocate memory", "not enough memory", "cublas_status_alloc_failed")
    return isinstance(error, RuntimeError) and any(word in told for word in words)
