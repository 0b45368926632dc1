"""The command."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable, Sequence

from services.errors import ConfigError, NotYet
from services.roles.table import ALL, ROLES
from services.running import serve
from services.settings import load_settings

CANNOT, NOT_YET = 78, 75
"""Exit codes: of sysexits.h, as the engine's launcher has them."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m services",
        description="Answers from documents. Settings are environment variables.",
    )
    parser.add_argument("role", nargs="?", default=ALL, choices=[ALL, *ROLES])
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--adapter", dest="adapter_url", help="address of the adapter")
    given = vars(parser.parse_args(arguments))
    role = given.pop("role")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        with asyncio.Runner(loop_factory=fastest_loop()) as runner:
            runner.run(serve(role, load_settings(given)))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return NOT_YET if isinstance(error, NotYet) else CANNOT
    return 0


def fastest_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop, where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
