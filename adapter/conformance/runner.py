"""Puts statements to a server, one after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from adapter.conformance.reply import Unreadable
from adapter.conformance.rules import check
from adapter.conformance.statements import Statement
from adapter.conformance.survey import listed_names
from adapter.conformance.target import Target, hindrance
from adapter.conformance.values import Faults, dig, shown
from adapter.conformance.wire import NoAnswer, Wire

Verdict = Literal["passed", "failed", "not applicable", "as Ollama", "other than Ollama"]
"""The last two are for statements of level `na`, which nobody has to fulfil."""
_REQUEST_FIRST = re.compile(r"(\w+) (/\S+) (\{.*\}) first")


@dataclass(frozen=True)
class Result:
    statement: Statement
    """Filled in with names, unless it was not applicable."""
    verdict: Verdict
    faults: tuple[str, ...] = ()
    got: str = ""
    """The answer in short, if it was at fault."""
    reason: str = ""
    """Why it was not applicable."""


def _ignore(_: Result) -> None:
    pass


async def run(
    wire: Wire,
    target: Target,
    statements: Iterable[Statement],
    tell: Callable[[Result], None] = _ignore,
) -> list[Result]:
    """A result for each statement. `tell` hears of each as it comes."""
    results = []
    for statement in statements:
        result = await put(wire, target, statement)
        tell(result)
        results.append(result)
    return results


async def put(wire: Wire, target: Target, statement: Statement) -> Result:
    """One statement: set up, asked, judged, cleaned up."""
    if reason := hindrance(statement, target):
        return Result(statement, "not applicable", reason=reason)
    filled, got = statement.filled(target.names), ""
    try:
        faults = await _set_up(wire, filled.setup)
        reply = await wire.ask(filled.request)
        faults += check(filled.expect, reply)
        got = f"{reply.status} {shown(reply.text)}"
    except NoAnswer as error:
        faults = [str(error)]
    finally:
        await _clean_up(wire, filled.creates)
    return Result(filled, _verdict(filled, faults), tuple(faults), got if faults else "")


def _verdict(statement: Statement, faults: Faults) -> Verdict:
    if statement.level == "na":
        return "other than Ollama" if faults else "as Ollama"
    return "failed" if faults else "passed"


async def _set_up(wire: Wire, setup: str) -> Faults:
    """What went wrong on the way to the question."""
    if setup == "unload all":
        bodies = [{"model": name, "keep_alive": 0} for name in await _loaded(wire)]
        replies = [await wire.post("/api/generate", body) for body in bodies]
    elif match := _REQUEST_FIRST.fullmatch(setup):
        method, path, body = match.groups()
        replies = [await wire.post(path, orjson.loads(body), method)]
    else:
        replies = []
    statuses = [reply.status for reply in replies if reply.status != 200]
    return [f"{setup}: status {status}" for status in statuses]


async def _loaded(wire: Wire) -> list[str]:
    try:
        models: Any = dig((await wire.get("/api/ps")).json, "models")
    except Unreadable:
        return []
    names = [dig(entry, "name") for entry in models] if isinstance(models, list) else []
    return [name for name in names if isinstance(name, str)]


async def _clean_up(wire: Wire, created: Iterable[str]) -> None:
    """Names that were there before never come here: see target.hindrance."""
    listed = await listed_names(wire) if created else {}
    for name in created:
        if name in listed or f"{name}:latest" in listed:
            try:
                await wire.post("/api/delete", {"model": name}, "DELETE")
            except NoAnswer:
                continue
