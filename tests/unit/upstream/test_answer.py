"""An answer as its reader sees it. The clock is the test's own: seconds are exact, and short."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest

from adapter.errors import (
    AdapterError,
    Stopping,
    UpstreamBroken,
    UpstreamCut,
    UpstreamError,
    UpstreamSilent,
)
from adapter.settings import Timeouts
from adapter.upstream.answer import Answer
from tests.unit.upstream.timeless import TimelessLoop
from tests.unit.upstream.wires import Desk

LOOPS = {"timeless": TimelessLoop}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
HEAD += b"Transfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
COMMENT = b": keep-alive\n\n"
LIMITS = Timeouts(connect=1, first_byte=600, idle=60)
LIMIT = 2**16


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(number: int) -> bytes:
    return b"data: %d\n\n" % number


class Asked(Desk):
    """A question that was asked, and what its reader got so far."""

    def __init__(self, limits: Timeouts = LIMITS) -> None:
        super().__init__(asked=False)
        self.answer = Answer(self.connection, limits, "llm")
        self.connection.ask(b"POST / HTTP/1.1\r\n\r\n", (), self.answer)
        self.got: list[bytes] = []

    async def begun(self, *reads: bytes) -> None:
        """The head comes, and so many reads with it."""
        self.wire.comes(HEAD, *reads)
        await self.answer.begun()

    def keep(self, data: bytes) -> bool:
        self.got.append(data)
        return False

    def keep_one(self, data: bytes) -> bool:
        self.got.append(data)
        return True

    def pouring(self, sink: Callable[[bytes], bool] | None = None) -> asyncio.Task[bool]:
        return asyncio.get_running_loop().create_task(self.answer.pour(sink or self.keep))


@pytest.fixture
async def loop() -> TimelessLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, TimelessLoop)
    return loop


@pytest.fixture
async def asked() -> Asked:
    return Asked()


async def settled() -> None:
    """Until all have done what they can do now."""
    for _ in range(9):
        await asyncio.sleep(0)


class TestItsBeginning:
    async def test_status_and_headers(self, asked: Asked):
        await asked.begun()
        assert asked.answer.status == 200
        assert asked.answer.content_type == "text/event-stream"
        assert asked.answer.headers["content-type"] == "text/event-stream; charset=utf-8"

    async def test_an_answer_without_a_type(self, asked: Asked):
        asked.wire.comes(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await asked.answer.begun()
        assert asked.answer.content_type == ""
        assert await asked.answer.read() == b""

    @pytest.mark.parametrize(
        ("reads", "error", "text"),
        [
            ([], None, "the engine llm closed the connection"),
            ([HEAD[:20]], None, "the engine llm closed the connection"),
            ([], ConnectionResetError(), "the connection to the engine llm broke"),
            ([b"garbage"], None, "the engine llm sent what is no HTTP answer"),
        ],
    )
    async def test_there_is_none(
        self, asked: Asked, reads: list[bytes], error: Exception | None, text: str
    ):
        """Nothing was said: it may be asked again."""
        asked.wire.comes(*reads)
        asked.wire.closes(error)
        with pytest.raises(UpstreamBroken, match=text) as broken:
            await asked.answer.begun()
        assert type(broken.value) is UpstreamBroken

    async def test_is_waited_for(self, asked: Asked):
        waiting = asyncio.ensure_future(asked.answer.begun())
        await asyncio.sleep(599)
        assert not waiting.done()
        asked.wire.comes(HEAD)
        await waiting


class TestPouring:
    async def test_what_was_put_back_comes_again(self, asked: Asked):
        await asked.begun(chunk(event(1)), END)
        asked.answer.put_back(await asked.answer.read())
        assert await asked.answer.pour(asked.keep) is False
        assert asked.got == [event(1)]

    async def test_gives_each_read(self, asked: Asked):
        await asked.begun()
        pouring = asked.pouring()
        await settled()
        asked.wire.comes(chunk(event(1)) + chunk(event(2)), chunk(event(3)))
        assert asked.got == [event(1) + event(2), event(3)]  # in the call that brings it
        assert not pouring.done()
        asked.wire.comes(END)
        assert await pouring is False
        assert asked.idle == [asked.connection]

    async def test_what_came_before_comes_first(self, asked: Asked):
        await asked.begun(chunk(event(1)), chunk(event(2)))
        pouring = asked.pouring()
        await settled()
        asked.wire.comes(chunk(event(3)) + END)
        assert await pouring is False
        assert asked.got == [event(1) + event(2), event(3)]

    async def test_an_answer_that_is_over_already(self, asked: Asked):
        await asked.begun(chunk(event(1)), END)
        assert await asked.answer.pour(asked.keep) is False
        assert asked.got == [event(1)]
        assert await asked.answer.pour(asked.keep) is False

    async def test_stops_when_the_sink_has_enough(self, asked: Asked):
        await asked.begun()
        pouring = asked.pouring(asked.keep_one)
        await settled()
        # The second comes before the task that pours has heard that it shall stop.
        asked.wire.comes(chunk(event(1)), chunk(event(2)))
        assert await pouring is True
        assert asked.got == [event(1)]
        asked.wire.comes(chunk(event(3)), END)
        assert await asked.answer.pour(asked.keep_one) is True
        assert asked.got == [event(1), event(2) + event(3)]
        assert await asked.answer.pour(asked.keep_one) is False

    @pytest.mark.parametrize("seed", range(20))
    async def test_nothing_is_lost_nor_out_of_order(self, asked: Asked, seed: int):
        """Reads fall while it is poured and while it isn't, and sinks stop as they like."""
        await asked.begun()
        wanted = [event(number) for number in range(60)]
        left = [*map(chunk, wanted), END]
        turn = seed
        while left:
            turn = turn * 5 % 97 + 1
            asked.wire.comes(*left[: turn % 3])
            del left[: turn % 3]
            sink = asked.keep_one if turn % 4 else asked.keep
            pouring = asked.pouring(sink)
            for _ in range(turn % 5):
                await asyncio.sleep(0)
            asked.wire.comes(*left[: turn % 4])
            del left[: turn % 4]
            await settled()
            if not pouring.done():
                asked.wire.comes(*left)  # its sink may want more, or all of it
                left = []
                await pouring
        while await asked.answer.pour(asked.keep):
            pass
        assert b"".join(asked.got) == b"".join(wanted)

    async def test_reading_all(self, asked: Asked):
        await asked.begun(chunk(b"some"))
        reading = asyncio.ensure_future(asked.answer.read())
        await settled()
        asked.wire.comes(chunk(b" more"), END)
        assert await reading == b"some more"

    async def test_reading_no_more_than_so_much(self, asked: Asked):
        """Whole reads: the bound is against what has no end."""
        await asked.begun(chunk(b"some"))
        reading = asyncio.ensure_future(asked.answer.read(8))
        await settled()
        asked.wire.comes(chunk(b" mo"), chunk(b"re"), chunk(b" and more"))
        assert await reading == b"some more"


class TestASlowReader:
    async def test_stops_the_reading(self, asked: Asked):
        await asked.begun(chunk(b"x" * LIMIT))
        assert asked.wire.reads
        asked.wire.comes(chunk(b"y"))
        assert not asked.wire.reads

    async def test_goes_on_where_it_was(self, asked: Asked):
        await asked.begun(chunk(b"x" * (LIMIT + 1)))
        assert await asked.answer.pour(asked.keep_one) is True
        assert not asked.wire.reads, "it has had enough, and does not ask for more"
        pouring = asked.pouring()
        await settled()
        assert asked.wire.reads
        asked.wire.comes(chunk(b"y") + END)
        assert await pouring is False
        assert b"".join(asked.got) == b"x" * (LIMIT + 1) + b"y"

    async def test_stops_it_again(self, asked: Asked):
        await asked.begun()
        for _ in range(3):
            asked.wire.comes(*[chunk(b"x" * 1000)] * 66)
            assert not asked.wire.reads
            assert await asked.answer.pour(asked.keep_one) is True
            pouring = asked.pouring(asked.keep_one)
            await settled()
            assert asked.wire.reads
            asked.wire.comes(chunk(b"y"))
            await pouring
        assert len(b"".join(asked.got)) == 3 * 66_001

    async def test_is_what_counts_not_the_size(self, asked: Asked):
        await asked.begun()
        pouring = asked.pouring()
        await settled()
        for _ in range(9):
            asked.wire.comes(chunk(b"x" * LIMIT))
            assert asked.wire.reads
        asked.wire.comes(END)
        await pouring

    async def test_of_the_whole_rest_leaves_a_connection_that_is_read(self, asked: Asked):
        """Too much waits, and the end came with it: the next answer has to be heard."""
        await asked.begun(chunk(b"x" * (LIMIT + 1)) + END)
        assert asked.idle == [asked.connection]
        assert asked.wire.reads
        assert await asked.answer.read() == b"x" * (LIMIT + 1)

    async def test_may_have_the_engine_wait(self, asked: Asked):
        await asked.begun(chunk(event(1)))
        assert await asked.answer.pour(asked.keep_one) is True
        asked.answer.hold()
        assert not asked.wire.reads
        pouring = asked.pouring()
        await settled()
        assert asked.wire.reads
        asked.wire.comes(END)
        await pouring
        asked.answer.hold()
        assert asked.wire.reads, "it is over"

    async def test_that_leaves_lets_the_connection_be_closed(self, asked: Asked):
        await asked.begun(chunk(b"x" * (LIMIT + 1)))
        asked.answer.close()
        assert asked.wire.aborted


class TestAnAnswerThatBreaks:
    async def test_is_an_error_after_the_data(self, asked: Asked):
        await asked.begun(chunk(event(1)))
        asked.wire.comes(chunk(event(2)))
        asked.wire.closes(ConnectionResetError())
        with pytest.raises(UpstreamCut, match="the engine llm broke off its answer"):
            await asked.answer.pour(asked.keep)
        assert asked.got == [event(1) + event(2)]

    async def test_is_an_error_for_the_next_call_if_the_sink_has_enough(self, asked: Asked):
        await asked.begun()
        pouring = asked.pouring(asked.keep_one)
        await settled()
        asked.wire.comes(chunk(event(1)))
        asked.wire.closes()
        assert await pouring is True
        for _ in range(2):
            with pytest.raises(UpstreamCut):
                await asked.answer.pour(asked.keep)
        assert asked.got == [event(1)]

    async def test_while_it_is_read(self, asked: Asked):
        await asked.begun()
        reading = asyncio.ensure_future(asked.answer.read())
        await settled()
        asked.wire.comes(chunk(event(1)), b"garbage")
        with pytest.raises(UpstreamCut):
            await reading

    async def test_costs_no_timer(self, asked: Asked, loop: TimelessLoop):
        await asked.begun()
        asked.wire.closes()
        assert loop.timers == 0


class TestSomebodyEndsIt:
    STOPPING = Stopping("the adapter is shutting down")

    async def test_before_it_began(self, asked: Asked):
        waiting = asyncio.ensure_future(asked.answer.begun())
        await settled()
        asked.answer.end(self.STOPPING)
        with pytest.raises(Stopping):
            await waiting
        assert asked.wire.aborted

    async def test_while_it_is_poured(self, asked: Asked):
        await asked.begun()
        pouring = asked.pouring()
        await settled()
        asked.wire.comes(chunk(event(1)))
        asked.answer.end(self.STOPPING)
        asked.answer.end(UpstreamSilent("too late"))
        with pytest.raises(Stopping):
            await pouring
        assert (asked.got, asked.wire.aborted) == ([event(1)], 1)
        asked.wire.lost()
        with pytest.raises(Stopping):
            await asked.answer.pour(asked.keep)

    async def test_while_nobody_pours(self, asked: Asked):
        """What was there is given all the same."""
        await asked.begun(chunk(event(1)))
        asked.answer.end(self.STOPPING)
        with pytest.raises(Stopping):
            await asked.answer.pour(asked.keep)
        assert asked.got == [event(1)]

    async def test_when_it_is_over(self, asked: Asked):
        await asked.begun(chunk(event(1)), END)
        asked.answer.end(self.STOPPING)
        assert await asked.answer.pour(asked.keep) is False
        assert asked.idle == [asked.connection]
        assert not asked.wire.aborted


async def silence(loop: TimelessLoop, waiting: asyncio.Future[Any]) -> tuple[float, str]:
    """After how many seconds it is found to be silent, and what is said of that."""
    began = loop.time()
    with pytest.raises(UpstreamSilent) as silent:
        await waiting
    return round(loop.time() - began, 3), silent.value.message


class TestSilence:
    async def test_before_the_headers(self, asked: Asked, loop: TimelessLoop):
        waiting = asyncio.ensure_future(asked.answer.begun())
        assert await silence(loop, waiting) == (600, "the engine llm was silent for 600 s")
        assert asked.wire.aborted
        assert loop.timers == 0

    async def test_late_headers_do_not_begin_the_wait_anew(self, asked: Asked, loop: TimelessLoop):
        await asyncio.sleep(500)
        await asked.begun()
        assert (await silence(loop, asked.pouring()))[0] == 100

    async def test_after_an_event(self, asked: Asked, loop: TimelessLoop):
        await asyncio.sleep(500)
        await asked.begun()
        pouring = asked.pouring()
        for _ in range(3):
            await asyncio.sleep(59)
            asked.wire.comes(chunk(event(1)))
        assert await silence(loop, pouring) == (60, "the engine llm was silent for 60 s")
        assert len(asked.got) == 3

    async def test_comments_are_silence(self, asked: Asked, loop: TimelessLoop):
        await asked.begun()
        pouring = asked.pouring()

        async def chatter() -> None:
            while True:
                await asyncio.sleep(7)
                asked.wire.comes(chunk(COMMENT))

        began = loop.time()
        chattering = asyncio.ensure_future(chatter())
        await asyncio.sleep(30)
        asked.wire.comes(chunk(event(1)))
        with pytest.raises(UpstreamSilent):
            await pouring
        assert loop.time() - began == 90
        chattering.cancel()

    async def test_comments_before_the_first_event_are_too(self, asked: Asked, loop: TimelessLoop):
        await asked.begun()
        pouring = asked.pouring()
        await asyncio.sleep(599)
        asked.wire.comes(chunk(COMMENT))
        assert (await silence(loop, pouring))[0] == 1

    async def test_is_not_a_readers_pause(self, asked: Asked, loop: TimelessLoop):
        await asked.begun(chunk(event(1)))
        for _ in range(3):
            assert await asked.answer.pour(asked.keep_one) is True
            await asyncio.sleep(1000)
            asked.wire.comes(chunk(event(2)))
            await asyncio.sleep(1000)
        assert await asked.answer.pour(asked.keep_one) is True
        await asyncio.sleep(1030)
        assert (await silence(loop, asked.pouring()))[0] == 60

    async def test_of_one_that_stops_in_the_middle_of_an_object(self, loop: TimelessLoop):
        """No events: `first_byte` is for all of it."""
        asked = Asked()
        asked.wire.comes(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        await asked.answer.begun()
        reading = asyncio.ensure_future(asked.answer.read())
        await asyncio.sleep(100)
        asked.wire.comes(b"half")
        assert (await silence(loop, reading))[0] == 500

    async def test_limits_may_be_either_way_round(self, loop: TimelessLoop):
        asked = Asked(Timeouts(connect=1, first_byte=5, idle=60))
        waiting = asyncio.ensure_future(asked.answer.begun())
        assert (await silence(loop, waiting))[0] == 5
        asked = Asked(Timeouts(connect=1, first_byte=5, idle=60))
        await asked.begun()
        pouring = asked.pouring()
        await asyncio.sleep(4)
        asked.wire.comes(chunk(event(1)))
        assert (await silence(loop, pouring))[0] == 60

    async def test_is_watched_by_one_timer(self, asked: Asked, loop: TimelessLoop):
        await asked.begun()
        pouring = asked.pouring()
        for number in range(100):
            await asyncio.sleep(1)
            asked.wire.comes(chunk(event(number)))
            assert loop.timers == 1
        asked.wire.comes(END)
        await pouring
        assert loop.timers == 0


class TestLettingGo:
    async def poured(self, asked: Asked) -> None:
        """All but the end of the body, as its reader knows that it is the end."""
        await asked.begun(chunk(event(1)))
        assert await asked.answer.pour(asked.keep_one) is True

    async def test_the_end_comes_within_a_moment(self, asked: Asked, loop: TimelessLoop):
        await self.poured(asked)
        async with asked.answer:
            asked.answer.let_go()
        await asyncio.sleep(0.09)
        asked.wire.comes(chunk(b": a last word\n\n"), END)
        assert asked.idle == [asked.connection]
        assert loop.timers == 0
        await asyncio.sleep(1)
        assert (asked.connection.usable, asked.got) == (True, [event(1)])

    async def test_the_end_does_not_come(self, asked: Asked, loop: TimelessLoop):
        await self.poured(asked)
        async with asked.answer:
            asked.answer.let_go()
        await asyncio.sleep(0.09)
        asked.wire.comes(chunk(b": a last word\n\n"))
        assert not asked.wire.aborted
        await asyncio.sleep(0.02)
        assert asked.wire.aborted == 1
        asked.wire.lost()
        assert (asked.idle, loop.timers) == ([], 0)

    async def test_the_connection_breaks(self, asked: Asked, loop: TimelessLoop):
        await self.poured(asked)
        asked.answer.let_go()
        asked.wire.closes(ConnectionResetError())
        assert loop.timers == 0
        await asyncio.sleep(1)

    async def test_the_end_was_there(self, asked: Asked, loop: TimelessLoop):
        await asked.begun(chunk(event(1)), END)
        assert await asked.answer.pour(asked.keep_one) is True
        async with asked.answer:
            asked.answer.let_go()
        assert (asked.idle, asked.wire.aborted, loop.timers) == ([asked.connection], 0, 0)

    async def test_what_waits_is_read_again(self, asked: Asked):
        await self.poured(asked)
        asked.wire.comes(chunk(b"x" * (LIMIT + 1)))
        assert not asked.wire.reads
        asked.answer.let_go()
        assert asked.wire.reads
        asked.wire.comes(END)
        assert asked.idle == [asked.connection]

    async def test_who_ends_all_ends_it_too(self, asked: Asked, loop: TimelessLoop):
        await self.poured(asked)
        asked.answer.let_go()
        asked.answer.end(Stopping("bye"))
        assert (asked.wire.aborted, loop.timers) == (1, 0)


class TestClosing:
    async def test_an_answer_that_goes_on(self, asked: Asked, loop: TimelessLoop):
        await asked.begun(chunk(event(1)))
        async with asked.answer:
            pass
        assert (asked.wire.aborted, loop.timers) == (1, 0)
        asked.answer.close()
        asked.wire.lost()
        assert asked.wire.aborted == 1

    async def test_one_that_is_over_keeps_its_connection(self, asked: Asked, loop: TimelessLoop):
        await asked.begun(chunk(event(1)), END)
        async with asked.answer:
            assert await asked.answer.read() == event(1)
        assert (asked.idle, asked.wire.aborted, loop.timers) == ([asked.connection], 0, 0)

    async def test_does_not_touch_who_asks_next(self, asked: Asked):
        await asked.begun(chunk(event(1)), END)
        second = Answer(asked.connection, LIMITS, "llm")
        asked.connection.ask(b"", (), second)
        asked.answer.close()
        asked.answer.end(Stopping("bye"))
        asked.wire.comes(HEAD, chunk(event(2)), END)
        await second.begun()
        assert await second.read() == event(2)


class TestWhoeverLeaves:
    @pytest.fixture(autouse=True)
    async def _nothing_is_said(self, loop: TimelessLoop):
        said: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda loop, context: said.append(context))
        yield
        gc.collect()
        assert said == []

    async def left(self, waiting: asyncio.Task[Any]) -> None:
        await settled()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    async def test_before_the_beginning(self, loop: TimelessLoop):
        for comes in ([HEAD + chunk(event(1))], [b"garbage"], []):
            asked = Asked()
            await self.left(loop.create_task(asked.answer.begun()))
            asked.wire.comes(*comes)
            asked.answer.close()
            asked.wire.lost()
            assert asked.wire.aborted
        assert loop.timers == 0

    async def test_in_the_middle(self, loop: TimelessLoop):
        for comes in ([chunk(event(2))], [END], [b"garbage"], []):
            asked = Asked()
            await asked.begun(chunk(event(1)))
            async with asked.answer:
                await self.left(asked.pouring())
                asked.wire.comes(*comes)
            asked.wire.lost()
            assert asked.got == [event(1)]
            assert bool(asked.wire.aborted) is (comes != [END])
        assert loop.timers == 0

    async def test_in_the_very_moment(self, loop: TimelessLoop):
        """The event has come, and the reader has not been told yet."""
        asked = Asked()
        await asked.begun()
        pouring = asked.pouring(asked.keep_one)
        await settled()
        asked.wire.comes(chunk(event(1)))
        pouring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pouring
        asked.wire.comes(chunk(event(2)))
        asked.answer.close()
        asked.wire.lost()
        assert (asked.got, loop.timers) == ([event(1)], 0)

    async def test_an_error_that_nobody_asks_for(self, loop: TimelessLoop):
        asked = Asked()
        await asked.begun(chunk(event(1)))
        asked.wire.closes(ConnectionResetError())
        asked.answer.close()
        assert loop.timers == 0


async def test_all_errors_are_ours(asked: Asked):
    """Nothing of a socket's reaches a reader."""
    await asked.begun()
    asked.wire.closes(OSError("anything"))
    with pytest.raises(UpstreamError) as broken:
        await asked.answer.read()
    assert isinstance(broken.value, AdapterError)
