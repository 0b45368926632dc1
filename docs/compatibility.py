"""The page `reference/api-compatibility.md`: the conformance suite, run against the adapter.

The adapter stands before scripted engines, which play recordings of vLLM; so the page is the same
on every run as long as the adapter is.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from adapter.conformance.report import escaped, markdown_table
from adapter.conformance.runner import Result, run
from adapter.conformance.statements import select
from adapter.conformance.target import Target
from adapter.conformance.wire import Wire
from tests.contract.conftest import NAMES, open_house
from tests.support.basic_checks import BASIC_CHECKS
from tests.support.deviations import DEVIATIONS

TESTS = Path(__file__).parents[1] / "tests"
LIMIT = 20.0
SHOW_A_CHECK = ("passed", "as Ollama")
SHOW_A_DEVIATION = ("passed", "other than Ollama")
"""Verdicts. Of a statement that nobody has to fulfil, the one that says what the table says."""
Table = Callable[[Iterable[str], Iterable[Iterable[str]]], str]


class NotShown(Exception):
    """The page would claim what isn't so."""


def compatibility_page(table: Table) -> str:
    """`table` prints one: its head, its rows.

    Raises LookupError: a test that isn't there; NotShown: a statement that doesn't say what the
    page would say of it.
    """
    results = asyncio.run(_results())
    asked = [result for result in results if result.statement.level != "na"]
    others = [result for result in results if result.statement.level == "na"]
    verdicts = {result.statement.id: result.verdict for result in results}
    passed = sum(result.verdict == "passed" for result in asked)
    for words, shown in BASIC_CHECKS:
        require(words, shown, verdicts, SHOW_A_CHECK)
    checks = [(words, "yes", names_of(shown)) for words, shown in BASIC_CHECKS]
    routes = "\n".join(markdown_table(results))
    return f"""# Compatibility with Ollama's API

{passed} of {len(asked)} statements about Ollama's API hold. They are what `ollama-vllm conform`
puts to any server ([how](../howto/check-an-ollama-server.md)); here to the adapter before scripted
engines that play recordings of vLLM, so that every statement is applicable. Statements whose id
starts with X are the suite's own; the others were verified against the server of Ollama 0.33, as
far as that can be done without its registry.

## By route
{routes}

## The basic checks
What an adapter before another engine should get right first.

{table(("check", "holds", "shown by"), checks)}
## Where the adapter answers otherwise, on purpose
{table(("Ollama", "the adapter", "because", "shown by"), _deviations(verdicts))}
## What isn't asked of a server that drives another engine
True of Ollama; a drop-in may do otherwise.

{table(("id", "Ollama", "the adapter", "because"), map(_other, others))}
## Every statement
{table(("id", "level", "statement", "holds"), map(_row, asked))}"""


async def _results() -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_house(Path(folder)) as house, Wire(house.adapter.url, LIMIT) as wire:
            target = Target(house.adapter.url, NAMES, scripted=True, pull=True)
            return await run(wire, target, select("all"))


def _row(result: Result) -> tuple[str, ...]:
    statement = result.statement
    holds = {"passed": "yes", "failed": "**no**"}.get(result.verdict, result.verdict)
    return statement.id, statement.level, escaped(statement.statement), holds


def _other(result: Result) -> tuple[str, ...]:
    statement = result.statement
    words = {"as Ollama": "the same", "other than Ollama": "otherwise"}
    said = words.get(result.verdict, result.verdict)
    return statement.id, escaped(statement.statement), said, escaped(statement.why)


def _deviations(verdicts: dict[str, str]) -> list[tuple[str, ...]]:
    for deviation in DEVIATIONS:
        require(deviation.ollama, deviation.shown, verdicts, SHOW_A_DEVIATION)
    return [(d.ollama, d.ours, d.why, names_of(d.shown)) for d in DEVIATIONS]


def require(
    words: str, shown: Iterable[str], verdicts: dict[str, str], good: tuple[str, ...]
) -> None:
    """Whether what shows it holds; a test is as good as its being there, since all have to pass.

    Raises NotShown, LookupError.
    """
    for name in shown:
        if name not in verdicts:
            _find(name)
        elif verdicts[name] not in good:
            raise NotShown(f"{words}: {name} is {verdicts[name]}")


def _find(test: str) -> None:
    file, _, name = test.partition("::")
    path = TESTS / file
    if not path.is_file() or not re.search(rf"def {name}\(", path.read_text("utf-8")):
        raise LookupError(f"neither a statement nor a test: {test}")


def names_of(shown: Iterable[str]) -> str:
    """Statements by id; tests by file and name, without the folder that all are in."""
    return ", ".join(name if "::" not in name else f"`{name}`" for name in shown) or "no test yet"
