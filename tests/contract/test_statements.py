"""The statements of the conformance suite, put to the adapter by the code that users run.

And the other way round: a true answer of the adapter, changed a little, must not pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from adapter.conformance.choosing import choose
from adapter.conformance.reply import Reply
from adapter.conformance.rules import check
from adapter.conformance.runner import put, run
from adapter.conformance.statements import Statement, select
from adapter.conformance.survey import survey
from adapter.conformance.target import Target
from adapter.conformance.wire import Wire
from tests.contract.conftest import NAMES, House

WITHIN = 10.0
STATEMENTS = select("extended")
BY_ID = {statement.id: statement for statement in select("all")}


def target(house: House) -> Target:
    return Target(house.adapter.url, NAMES, scripted=True, pull=True)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.id)
async def test_a_statement_holds(house: House, statement: Statement):
    async with Wire(house.adapter.url, WITHIN) as wire:
        result = await put(wire, target(house), statement)
    assert result.verdict == "passed", "\n".join([*result.faults, result.got, result.reason])


async def test_models_are_found_by_what_they_can(house: House):
    async with Wire(house.adapter.url, WITHIN) as wire:
        found = await survey(wire, {})
        first = await run(wire, Target(house.adapter.url, NAMES), select("core", "SHOW-"))
    assert {card.name for card in found.cards} == set(NAMES.values()) - {"NATPLAIN"}
    assert choose(found.cards, {}) == NAMES
    assert [result.verdict for result in first] == ["passed"] * len(first)


async def test_copilot_is_told_the_name_that_it_asked_for_and_others_the_models_own(house: House):
    """A server that always says the same would not pass."""
    statement = BY_ID["X-SHOW-06"].filled(NAMES)
    async with Wire(house.adapter.url, WITHIN) as wire:
        others = await wire.ask(statement.request | {"headers": {}})
    assert check(statement.expect, others) == [
        "body.model_info.general.basename: expected 'nat:latest', got 'nat'"
    ]


WHOLE = ["CHAT-06", "CHAT-14", "GEN-11", "EMB-01", "TAGS-01", "PS-01", "SHOW-05", "HTTP-42"]
STREAMS = ["CHAT-12", "GEN-09", "X-CHAT-01", "X-GEN-01"]


async def true_answer(house: House, number: str) -> tuple[dict[str, Any], Reply]:
    """What the statement expects, and what the adapter says."""
    statement = BY_ID[number].filled(NAMES)
    async with Wire(house.adapter.url, WITHIN) as wire:
        if "load" in statement.statement or statement.setup:
            await wire.post("/api/generate", {"model": NAMES["model"]})
        reply = await wire.ask(statement.request)
    assert check(statement.expect, reply) == []
    return statement.expect, reply


@pytest.mark.parametrize("number", WHOLE)
async def test_a_key_that_is_missing_or_of_another_type_is_noticed(house: House, number: str):
    expect, reply = await true_answer(house, number)
    wanted = expect.get("body_subset") or expect["body_equals"]
    for key in wanted:
        without = {name: value for name, value in reply.json.items() if name != key}
        for broken in (without, reply.json | {key: 1.5}, reply.json | {key: None}):
            assert check(expect, replace(reply, chunks=[orjson.dumps(broken)])), (key, broken)


@pytest.mark.parametrize("number", WHOLE)
async def test_another_status_or_type_is_noticed(house: House, number: str):
    expect, reply = await true_answer(house, number)
    assert check(expect, replace(reply, status=418))
    if "content_type" in expect:
        assert check(expect, replace(reply, headers={"content-type": "text/html"}))


def upset(lines: list[bytes], change: Callable[[Any], Any]) -> list[bytes]:
    """The last line changed."""
    return [*lines[:-1], orjson.dumps(change(orjson.loads(lines[-1]))) + b"\n"]


STREAM_FAULTS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "the last line is missing": lambda lines: lines[:-1],
    "done twice": lambda lines: [*lines, lines[-1]],
    "a blank line between": lambda lines: [lines[0], b"\n", *lines[1:]],
    "as an event": lambda lines: [b"data: " + line for line in lines],
    "a keep-alive space": lambda lines: [b" \n", *lines],
    "no newline at the end": lambda lines: [*lines[:-1], lines[-1].rstrip()],
    "a fraction": lambda lines: upset(lines, lambda one: one | {"eval_count": 1.5}),
    "no count": lambda lines: upset(
        lines, lambda one: {key: value for key, value in one.items() if key != "prompt_eval_count"}
    ),
    "a date without a zone": lambda lines: upset(
        lines, lambda one: one | {"created_at": "2026-11-21T10:00:00.5"}
    ),
    "OpenAI's reason": lambda lines: upset(lines, lambda one: one | {"done_reason": None}),
}


@pytest.mark.parametrize("fault", STREAM_FAULTS)
@pytest.mark.parametrize("number", ["CHAT-12", "GEN-09"])
async def test_a_stream_that_is_a_little_wrong_is_noticed(house: House, number: str, fault: str):
    expect, reply = await true_answer(house, number)
    assert check(expect, replace(reply, chunks=STREAM_FAULTS[fault](reply.chunks))) != []


FINE_FAULTS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "two lines in one HTTP chunk": lambda lines: [lines[0] + lines[1], *lines[2:]],
    "a line in two HTTP chunks": lambda lines: [lines[0][:9], lines[0][9:], *lines[1:]],
    "a null": lambda lines: upset(lines, lambda one: one | {"images": None}),
    "keys the other way round": lambda lines: upset(
        lines, lambda one: dict(reversed(list(one.items())))
    ),
}


@pytest.mark.parametrize("fault", FINE_FAULTS)
@pytest.mark.parametrize("number", ["X-CHAT-01", "X-GEN-01"])
async def test_so_is_one_that_only_some_clients_stumble_over(house: House, number: str, fault: str):
    expect, reply = await true_answer(house, number)
    assert check(expect, replace(reply, chunks=FINE_FAULTS[fault](reply.chunks))) != []
