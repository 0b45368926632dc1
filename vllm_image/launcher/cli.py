"""`python3 -m launcher COMMAND`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from launcher import settings, up
from launcher.errors import CannotRun, Interrupted, LauncherError
from launcher.processes import Processes
from launcher.progress import Progress

COMMANDS = {"up": up.up, "install": up.install}


def run(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="launcher", description="Starts vLLM.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="install, fetch a model, start vLLM and the adapter")
    commands.add_parser("install", help="install vLLM for the CPU into .venv/vllm, no more")
    command = COMMANDS[parser.parse_args(arguments).command]
    progress = Progress()
    try:
        environ = dict(os.environ)  # noqa: TID251  (handed down from here)
        chosen = settings.read(environ, Path.cwd())
        # make, when told to end, ends the shell between it and us and goes.
        with Processes(end_with_parent="MAKELEVEL" in environ) as processes:
            return command(chosen, environ, processes, progress)
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
