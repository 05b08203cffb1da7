"""Run as a script: for each line of stdin, extract in a forked child and kill it with signal 9 after some seconds.

A line is `STORE DELAY`; a negative delay lets it finish. Answers each line with the child's wait status. Forking from a
process that has the libraries loaded makes a run short, so that kills fall into the work and not into the imports.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import torch

from headhunt.stages.extract import ExtractConfig, extract


def main() -> None:
    videos, model = Path(sys.argv[1]), sys.argv[2]
    import transformers

    transformers.AutoModelForImageTextToText  # noqa: B018 - load the lazy modules before the first fork
    torch.set_num_threads(1)
    for line in sys.stdin:
        store, delay = line.split()
        child = os.fork()
        if child == 0:
            try:
                config = ExtractConfig(model=model, batch_size=2, n_frames=4, flush_s=0.05, decoders=0)
                extract([videos], Path(store), config)
                os._exit(0)
            except BaseException as error:
                sys.stderr.write(f"{error!r}\n")
                sys.stderr.flush()
                os._exit(1)
        if float(delay) >= 0:
            time.sleep(float(delay))
            os.kill(child, signal.SIGKILL)
        sys.stdout.write(f"{os.waitpid(child, 0)[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
