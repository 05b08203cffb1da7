"""Command line of `python -m headhunt.demo.training.specialists`."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from headhunt.demo.training.specialists.fitting import SpecialistConfig
from headhunt.demo.training.specialists.program import run


def main() -> None:
    """Run the command line."""
    usual = SpecialistConfig()
    parser = argparse.ArgumentParser(
        prog="python -m headhunt.demo.training.specialists",
        description="Add heads that know one topic each to a trained embedded model.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--model", default="tiny", help="model to add them to ('tiny')")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1")
    parser.add_argument("--judge", type=int, default=100, help="held-out videos for the scores (100), 0 for none")
    for name, value in asdict(usual).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value, help=f"({value})")
    args = vars(parser.parse_args())
    config = SpecialistConfig(**{name: args[name] for name in asdict(usual)})
    run(args["out"], args["model"], config, device=args["device"], judge=args["judge"])


if __name__ == "__main__":
    main()
