"""`ollama-vllm bench [URL]`: its arguments.

Exit code: 0, every answer was whole; 1, some were not; 2, nothing could be measured; 130,
interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

_DEFAULT = "http://127.0.0.1:11434"
DESCRIPTION = """Measures how fast a server of Ollama's API streams chats, and prints a table. With
--direct, the engine behind it is asked the same through its own OpenAI API, in turns. It takes the
server's time: don't run it while others need it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
    add = parser.add_argument
    add("url", metavar="URL", nargs="?", default=_DEFAULT, help=f"the server ({_DEFAULT})")
    add("--model", metavar="NAME", default="", help="the model; default: the first that there is")
    add("--direct", metavar="URL", help="vLLM's own address, to compare with")
    add("--direct-model", metavar="NAME", default="", help="its name there, if it is another")
    add("--streams", metavar="N", nargs="+", type=_count, default=[1, 4, 16], help="(1 4 16)")
    add("--tokens", metavar="N", type=_count, default=128, help="of each answer, at most (128)")
    add("--requests", metavar="N", type=_count, default=2, help="of each stream and turn (2)")
    add("--timeout", metavar="S", type=_count, default=300, help="seconds for an answer (300)")
    add("--json", metavar="FILE", type=Path, help="the same, for machines")


def run_command(options: argparse.Namespace, given: Sequence[str]) -> int:
    """The exit code."""
    # Here: who serves does not have to wait for what only this needs.
    from adapter.bench.measuring import UNUSABLE, measure
    from adapter.bench.server import Unusable

    try:
        return measure(options)
    except Unusable as error:
        print(f"error: {error}", file=sys.stderr)
        return UNUSABLE


def _count(text: str) -> int:
    """A whole number above zero, for argparse."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is no whole number above zero")
    return int(text)
