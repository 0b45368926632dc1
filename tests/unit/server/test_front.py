"""Which requests the first reader answers, in which order, and which it leaves to aiohttp."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support import plays
from tests.support.fronts import (
    STREAM,
    WHOLE,
    Running,
    answered,
    ask,
    bytewise,
    ends,
    prompt,
    request,
    running,
    say,
)
from tests.support.loops import BOTH
from tests.support.raw_http import Connection
from tests.support.scripted_vllm import ScriptedVLLM

LOOPS = BOTH
ONE = request(b"X-Request-Id: one")
GET = b"GET /api/version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
CHUNKED = (
    b"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"%x\r\n%b\r\n0\r\n\r\n"
) % (len(WHOLE), WHOLE)


@pytest.fixture
async def adapter(scripted: ScriptedVLLM) -> AsyncIterator[Running]:
    async with running(scripted.url) as found:
        yield found


def ids(answers: list) -> list[bytes]:
    return [line[14:] for answer in answers for line in answer.lines if b"X-Request-Id" in line]


def numbered(*numbers: int, body: bytes = WHOLE) -> list[bytes]:
    return [request(b"X-Request-Id: %d" % number, body=body) for number in numbers]


@pytest.mark.parametrize(
    "reads",
    [[ONE], list(bytewise(ONE)), ONE.partition(b"\r\n\r\n"), [ONE[:-1], ONE[-1:]], [ONE + b"\r\n"]],
    ids=["in one", "byte by byte", "head and body", "all but the last byte", "a line more"],
)
async def test_a_request_in_any_pieces(adapter: Running, reads: list[bytes]):
    async with asyncio.timeout(10), await Connection.open(adapter.url) as connection:
        await say(connection, *reads)
        answer = await answered(connection)
        assert (answer.status, ids([answer])) == (200, [b"one"])
        assert len(adapter.fronts) == 1


@pytest.mark.parametrize("body", [WHOLE, STREAM])
async def test_one_request_after_another(adapter: Running, body: bytes):
    async with asyncio.timeout(10), await Connection.open(adapter.url) as connection:
        for number in range(5):
            await say(connection, *numbered(number, body=body))
            assert ids([await answered(connection)]) == [b"%d" % number]
            assert len(adapter.fronts) == 1


async def test_requests_in_the_same_read(adapter: Running):
    answers = await ask(adapter.url, b"".join([*numbered(1, 2), GET, *numbered(3)]), answers=4)
    assert [answer.status for answer in answers] == [200] * 4
    assert [found for found in ids(answers) if len(found) == 1] == [b"1", b"2", b"3"]


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("body", [WHOLE, STREAM])
async def test_requests_while_another_is_answered(
    scripted: ScriptedVLLM, adapter: Running, count: int, body: bytes
):
    """One of them is answered here, several by aiohttp: nobody may tell."""
    async with asyncio.timeout(10), await Connection.open(adapter.url) as connection:
        scripted.play = plays.slow("chat_stream_usage", 0.01)
        await say(connection, request(b"X-Request-Id: 0", body=body))
        await scripted.until(lambda: scripted.in_flight == 1)
        numbers = range(1, count + 1)
        await say(connection, *numbered(*numbers, body=body))
        assert scripted.in_flight == 1
        answers = [await answered(connection) for _ in range(count + 1)]
        assert ids(answers) == [b"%d" % number for number in (0, *numbers)]
        assert len(adapter.fronts) == (1 if count == 1 else 0)


async def test_a_part_of_the_next_request(scripted: ScriptedVLLM, adapter: Running):
    first, second = numbered(1, 2)
    for at in (1, 30, len(second) - 1):
        both = [first + second[:at], second[at:]]
        assert ids(await ask(adapter.url, *both, answers=2)) == [b"1", b"2"]
        apart = [first, second[:at], second[at:]]
        assert ids(await ask(adapter.url, *apart, answers=2)) == [b"1", b"2"]


@pytest.mark.parametrize(
    "other",
    [
        GET,
        CHUNKED,
        request(b"Origin: http://localhost:3000"),
        request(target=b"POST /api/chat?a=b HTTP/1.1"),
        request(target=b"POST /api/chat HTTP/1.0"),
        request(b"Connection: Upgrade", b"Upgrade: websocket"),
        request(body=prompt(b"hi" * 2**19)),
        numbered(1)[0] + numbered(2)[0],
    ],
    ids=["GET", "chunked", "origin", "query", "1.0", "upgrade", "large", "two"],
)
async def test_another_kind_on_a_connection_that_was_answered(adapter: Running, other: bytes):
    """The connection changes hands once, and is not given back."""
    async with asyncio.timeout(10), await Connection.open(adapter.url) as connection:
        await say(connection, request())
        assert (await answered(connection)).status == 200
        assert len(adapter.fronts) == 1
        await say(connection, other)
        assert (await answered(connection)).status == 200
        assert not adapter.fronts
        if b"HTTP/1.0" in other:
            assert await ends(connection)
            return
        for _ in range(other.count(b"POST /") - 1):
            await answered(connection)
        await say(connection, *numbered(7))
        assert ids([await answered(connection)]) == [b"7"]
        assert not adapter.fronts


async def test_a_request_that_waits_for_leave_to_send_its_body(adapter: Running):
    head, body = request(b"Expect: 100-continue")[: -len(WHOLE)], WHOLE
    async with asyncio.timeout(10), await Connection.open(adapter.url) as connection:
        await say(connection, head)
        assert (await answered(connection)).status == 100
        await say(connection, body)
        assert (await answered(connection)).status == 200


@pytest.mark.parametrize("size", [2**20 - 200, 2**20, 2**20 + 1])
async def test_bodies_about_the_largest_that_is_read_here(adapter: Running, size: int):
    body = prompt(b"h" * (size - len(WHOLE) + 2))
    assert len(body) == size
    [answer] = await ask(adapter.url, request(body=body))
    assert answer.status == 200


@pytest.mark.parametrize("front", [True, False])
async def test_a_body_over_the_limit(scripted: ScriptedVLLM, front: bool):
    async with running(scripted.url, front=front, body_limit=1000) as adapter:
        for size, status in ((1000, 200), (1001, 413), (5000, 413)):
            body = prompt(b"h" * (size - len(WHOLE) + 2))
            [answer] = await ask(adapter.url, request(body=body))
            assert (size, answer.status) == (size, status)
    assert len(scripted.seen) == 1


@pytest.mark.parametrize("line", [b"Connection: close", b"Connection: foo, CLOSE"])
@pytest.mark.parametrize("body", [WHOLE, STREAM])
async def test_a_client_that_wants_no_other_answer(adapter: Running, line: bytes, body: bytes):
    async with asyncio.timeout(10), await Connection.open(adapter.url) as connection:
        await say(connection, request(line, body=body))
        assert b"Connection: close" in (await answered(connection)).lines
        assert await ends(connection)


async def test_many_connections_and_none_is_left(scripted: ScriptedVLLM, adapter: Running):
    first, second = numbered(1, 2)
    plans = [[first, second], [first + second], [first, GET], [first[:40], first[40:]]] * 5
    async with asyncio.TaskGroup() as group:
        for plan in plans:
            answers = 1 if plan[0] == first[:40] else 2
            group.create_task(ask(adapter.url, *plan, answers=answers))
    async with asyncio.timeout(2):
        while adapter.fronts:  # noqa: ASYNC110  # the server notices a moment later
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "begun", [b"POST /" + b"a" * 70_000, b"POST / HTTP/1.1\r\nX: " + b"a" * 70_000]
)
async def test_a_head_without_an_end_is_left_to_aiohttp_before_it_is_large(
    adapter: Running, begun: bytes
):
    async with asyncio.timeout(10), await Connection.open(adapter.url) as connection:
        await say(connection, begun)
        await asyncio.sleep(0.1)
        assert not adapter.fronts
