"""`ollama-vllm conform URL`: its arguments, and what it does with them.

Exit code: 0, every applicable statement holds; 1, some don't; 2, the server can't be reached, or
the arguments make no sense.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

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


class Unusable(Exception):
    """The arguments make no sense, or the server can't be reached."""


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
        report = asyncio.run(_examine(options, url, statements))
        _write(FORMATS[options.format](report), options.output)
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
            raise Unusable(f"{url}: {error}") from error
        target = Target(
            url,
            names=choose(found.cards, given),
            windows={card.name: card.window for card in found.cards},
            taken=found.listed,
            scripted=options.scripted,
            loopback=is_loopback(url),
            pull=options.pull,
        )
        results = await run(wire, target, statements, _teller(len(statements)))
    return Report(url, found.version, target.names, results)


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


def _write(text: str, output: Path | None) -> None:
    if output is None:
        print(text, end="")
        return
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise Unusable(f"can't write {output}: {error.strerror}") from error


def checked_url(text: str, allow_remote: bool) -> str:
    """A base URL; `http://` may be left out. Raises Unusable."""
    text = text if "://" in text else f"http://{text}"
    try:
        url = urlsplit(text)
        known = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        known = False
    if not known or url.query or url.fragment:
        raise Unusable(f"{text} is no address of a server")
    if not allow_remote and not is_loopback(text):
        raise Unusable(f"{text} is not this machine; --allow-remote if that is meant")
    return text.rstrip("/")


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _seconds(text: str) -> float:
    """A positive number, for argparse."""
    seconds = float(text)
    if not (seconds > 0 and math.isfinite(seconds)):
        raise ValueError(text)
    return seconds
