"""`ollama-vllm conform URL`: its arguments, and what it does with them.

Exit code: 0, every applicable statement holds; 1, some don't; 2, the server can't be reached, or
the arguments make no sense.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from adapter.conformance.address import Unusable, checked_url, is_loopback, public
from adapter.conformance.choosing import choose
from adapter.conformance.report import FORMATS, Report
from adapter.conformance.runner import Result, run
from adapter.conformance.statements import INCLUDED, Statement, select
from adapter.conformance.survey import survey
from adapter.conformance.target import ROLES, Target
from adapter.conformance.wire import NoAnswer, Wire

HOLDS, FAILS, UNUSABLE = 0, 1, 2
DESCRIPTION = """Puts statements about Ollama's API to a server and tells which hold. Models are
loaded and unloaded on the way; nothing is changed but models of the suite's own, which are deleted
again."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
    add = parser.add_argument
    add("url", metavar="URL", help="the server, such as http://127.0.0.1:11434")
    for role, what in ROLES.items():
        add(f"--{role}", metavar="NAME", help=f"{what}; without it, one is looked for")
    add("--level", choices=INCLUDED, default="extended", help="how much is asked (extended)")
    add("--only", metavar="PREFIX", default="", help="only statements whose id starts so")
    add("--scripted", action="store_true", help="the engine behind it obeys words in prompts")
    add("--pull", action="store_true", help="ask for a pull of a model that is there as well")
    add("--format", choices=FORMATS, default="text", help="of the report (text)")
    add("--output", metavar="FILE", type=Path, help="where the report goes (standard output)")
    add("--allow-remote", action="store_true", help="the server may be on another machine")
    add("--timeout", metavar="S", type=_seconds, default=60.0, help="for each request (60)")


def run_command(options: argparse.Namespace, given: Sequence[str]) -> int:
    """The exit code."""
    try:
        url = checked_url(options.url, options.allow_remote)
        statements = select(options.level, options.only)
        if not statements:
            raise Unusable(f"no statement of this level has an id that starts with {options.only}")
        with _opened(options.output) as output:
            report = asyncio.run(_examine(options, url, statements))
            output.write(FORMATS[options.format](report))
    except Unusable as error:
        print(f"error: {error}", file=sys.stderr)
        return UNUSABLE
    counts = report.counts
    print(
        f"{counts['passed']} passed, {counts['failed']} failed, "
        f"{counts['not applicable']} not applicable",
        file=sys.stderr if options.output is None and options.format != "text" else sys.stdout,
    )
    return FAILS if report.failed else HOLDS


async def _examine(
    options: argparse.Namespace, url: str, statements: Sequence[Statement]
) -> Report:
    given = {role: name for role in ROLES if (name := getattr(options, role))}
    async with Wire(url, options.timeout) as wire:
        try:
            found = await survey(wire, given)
        except NoAnswer as error:
            raise Unusable(f"{public(url)}: {error}") from error
        if unknown := ", ".join(found.unknown):
            text = f"{public(url)} has no model {unknown}"
            raise Unusable(f"{text}: neither /api/tags nor /api/show knows of it")
        target = Target(
            public(url),
            names=choose(found.cards, given),
            windows={card.name: card.window for card in found.cards},
            taken=found.listed,
            scripted=options.scripted,
            loopback=is_loopback(url),
            pull=options.pull,
        )
        results = await run(wire, target, statements, _teller(len(statements)))
    return Report(target.url, found.version, target.names, results)


def _teller(total: int) -> Callable[[Result], None]:
    """Shows on a terminal how far it is; a real model takes its time."""
    done = 0

    def tell(result: Result) -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty():
            line = f"{done}/{total} {result.statement.id}" if done < total else ""
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    return tell


@contextlib.contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """Opened before the run: what can't be written is told before minutes have been spent.

    Raises Unusable, also where it can't be written to in the end.
    """
    if output is None:
        yield sys.stdout
        return
    try:
        with output.open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise Unusable(f"can't write {output}: {error.strerror}") from error


def _seconds(text: str) -> float:
    """A positive number, for argparse."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not (seconds > 0 and math.isfinite(seconds)):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds above zero")
    return seconds
