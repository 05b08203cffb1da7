"""The application `vadkit`: its commands, and the one place where exceptions become exit codes.

0   done
1   failed
2   usage
3   done, but some videos failed (they are listed, with reasons)
4   the store refuses: stale, foreign, mismatched, damaged or busy
130 interrupted (Ctrl-C, SIGTERM or SIGHUP); the same command goes on where it stopped
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from headhunt.errors import HeadhuntError
from headhunt.signals import ended_like_ctrl_c
from headhunt.version import __version__
from vadkit import (
    console,
    demo,
    doctor,
    evaluate,
    extract,
    fit,
    inspect,
    label,
    localize,
    manifest,
    run,
    score,
    select_heads,
)
from vadkit.streams import OutputError, hold_places, steady

INTERRUPTED = 130
DEBUG = "VADKIT_DEBUG"


class Commands(TyperGroup):
    """The commands, with every exception told in this program's own way, however the application is called."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Run, and leave with the exit code."""
        arguments = sys.argv[1:] if args is None else list(args)
        with steady():
            if not sys.stderr.isatty():
                for name in ("TQDM_DISABLE", "HF_HUB_DISABLE_PROGRESS_BARS"):
                    os.environ.setdefault(name, "1")
            console.answer.begin(as_json="--json" in arguments)
            try:
                with ended_like_ctrl_c():
                    code = super().main(arguments, *rest, **(options | {"standalone_mode": False}))
                    sys.stdout.flush()
            except Exception as error:
                code = tell(error)
            if code == INTERRUPTED:
                console.say("interrupted; run the same command again to go on")
        sys.exit(code if isinstance(code, int) else 0)


def exit_code(error: Exception) -> int:
    """The exit code of an exception: its own if it has one, else 1."""
    return error.exit_code if isinstance(error, (HeadhuntError, TyperException)) else 1


def tell(error: Exception) -> int:
    """Say what went wrong, in words and, where it is asked for and nothing was answered yet, as JSON.

    Returns:
        The exit code.
    """
    code = exit_code(error)
    if isinstance(error.__cause__, BrokenPipeError) and isinstance(error, OutputError):
        return code  # who reads the output has gone, and knows it
    debug = os.environ.get(DEBUG, "") not in {"", "0"}
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, TyperException):
        error.show(sys.stderr) if hasattr(error, "show") else console.say(f"error: {error.format_message()}")
    elif isinstance(error, HeadhuntError):
        console.say(f"error: {error}")
    else:
        console.say(f"unexpected error: {' '.join(f'{type(error).__name__}: {error}'.split())}")
        if not debug:
            console.say(f"run with {DEBUG}=1 for the traceback")
    with suppress(OutputError):
        console.answer.fail(console.error_json(error, code))
    return code


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"vadkit {__version__}\n")
        raise typer.Exit


app = typer.Typer(
    name="vadkit",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Find anomalies in video with single attention heads of a frozen multimodal LLM.",
    epilog="A first look without data or GPU: vadkit demo",
)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Find anomalies in video with single attention heads of a frozen multimodal LLM."""


_COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    "Prepare": {"manifest": manifest.manifest, "extract": extract.extract, "label": label.label},
    "Learn": {"select-heads": select_heads.select_heads, "fit": fit.fit},
    "Find and measure": {
        "score": score.score,
        "localize": localize.localize,
        "evaluate": evaluate.evaluate,
        "run": run.run,
    },
    "Look": {"inspect": inspect.inspect, "doctor": doctor.doctor, "demo": demo.demo},
}
for _panel, _group in _COMMANDS.items():
    for _name, _command in _group.items():
        app.command(_name, rich_help_panel=_panel, no_args_is_help=_name in {"manifest", "extract", "label", "run"})(
            _command
        )


def main() -> None:
    """The entry point `vadkit`."""
    hold_places()
    app()
