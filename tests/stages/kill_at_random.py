"""Run as a script: for each line of stdin, extract in a forked child and kill it with signal 9 after some seconds.

A line is `STORE FROM DELAY`: FROM is "start", or "work" for seconds from the first finished segments on; a negative
delay lets it finish. Answers each line with the child's wait status and the seconds it worked from the first finished
segments on. Forking from a process that has the libraries loaded makes a run short: few kills fall before the work.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import torch

from headhunt.stages.extract import ExtractConfig, extract


def main() -> None:
    videos, model = Path(sys.argv[1]), sys.argv[2]
    import transformers

    transformers.AutoModelForImageTextToText  # noqa: B018 - load the lazy modules before the first fork
    torch.set_num_threads(1)
    for line in sys.stdin:
        store, begin, delay = line.split()
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(told)
            try:
                config = ExtractConfig(model=model, batch_size=2, n_frames=4, flush_s=0.05, decoders=0)
                extract([videos], Path(store), config, progress=partial(_tell, tell))
                os._exit(0)
            except BaseException as error:
                sys.stderr.write(f"{error!r}\n")
                sys.stderr.flush()
                os._exit(1)
        os.close(tell)
        if begin == "work" or float(delay) < 0:
            os.read(told, 1)  # nothing, at once, when the child ends before
        worked = time.monotonic()
        if float(delay) >= 0:
            time.sleep(float(delay))
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        sys.stdout.write(f"{status} {time.monotonic() - worked}\n")
        sys.stdout.flush()
        os.close(told)


def _tell(pipe: int, stage: str, _done: int, _total: int) -> None:
    if stage == "segments":
        os.write(pipe, b".")


if __name__ == "__main__":
    main()
