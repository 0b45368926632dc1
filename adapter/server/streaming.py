"""Between an engine's answer and a client: reads, has it translated, writes.

While an answer streams, each read of the engine's is translated and written at once, in the call
that brings it: no task is woken for a token. The task of the request waits for what is rare: the
first words, a client that is slower than the engine, the end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from adapter.errors import AdapterError
from adapter.server.exchange import Exchange
from adapter.server.observing import note_failure
from adapter.upstream.answer import Answer

_log = logging.getLogger("adapter")


class Interpreter(Protocol):
    """What turns an engine's bytes into a client's; `now` is of a monotonic clock, in ns.

    `fault` is set when the answer can't be completed, `left_early` if the engine would go on.
    """

    fault: AdapterError | None
    ended: bool

    @property
    def left_early(self) -> bool: ...

    def feed(self, data: bytes, now: int) -> bytes: ...

    def finish(self, now: int, broken: AdapterError | None = None) -> bytes: ...


class Flow:
    """The bytes of an answer on their way through an interpreter."""

    __slots__ = ("_answer", "_clock", "_feed", "_full", "_interpreter", "_last", "_write")

    def __init__(self, answer: Answer, interpreter: Interpreter, clock: Callable[[], int]) -> None:
        self._answer = answer
        self._interpreter = interpreter
        self._feed = interpreter.feed
        self._clock = clock
        self._last = b""

    async def write(self, write: Callable[[bytes], bool], *, full: bool = True) -> bytes:
        """Writes what there is to write for each read, until `write` has enough or it is over.
        Returns what the reply ends with, which was not written: an end belongs to it.

        `full`: that `write` has enough means that the engine should wait, too.
        """
        self._write, self._full = write, full
        clock = self._clock
        try:
            if await self._answer.pour(self._take):
                return self._last
            broken = None
        except AdapterError as error:
            broken = error
        try:
            return self._interpreter.finish(clock(), broken)
        except Exception:
            self._stumbled()
            return b""

    def _take(self, data: bytes) -> bool:
        try:
            out = self._feed(data, self._clock())
        except Exception:
            return self._stumbled()
        if self._interpreter.ended:
            self._last = out
            return True
        if out and self._write(out):
            if self._full:
                self._answer.hold()
            return True
        return False

    def _stumbled(self) -> bool:
        """For a fault of ours: it must not leave a stream half open, nor start a second answer."""
        _log.exception("translating a stream failed")
        self._interpreter.fault = AdapterError("internal error of the adapter")
        self._interpreter.ended = True
        return True


async def streamed(
    exchange: Exchange,
    answer: Answer,
    interpreter: Interpreter,
    content_type: str,
    told: Callable[[AdapterError], bytes],
) -> None:
    """A reply in pieces, as the engine's come.

    The status is sent with the first: a failure before it is raised, and keeps its own status.
    One after it is `told` at the end, in place of the end that a whole answer has.

    Raises:
        AdapterError: the stream broke before it gave anything.
    """
    flow = Flow(answer, interpreter, exchange.state.clock)
    first = b""

    def keep(out: bytes) -> bool:
        nonlocal first
        first = out
        return True

    last = await flow.write(keep, full=False)
    if interpreter.fault and not (first or last):
        raise interpreter.fault
    client = await exchange.begin({"Content-Type": content_type}, first=first)
    while not interpreter.ended:
        await client.drained()
        last = await flow.write(client.write)
    if interpreter.fault:
        note_failure(exchange.facts, interpreter.fault)
        last += told(interpreter.fault)
    # Before the client has taken all of it: a slow one must not keep the engine at work.
    if interpreter.fault or interpreter.left_early:
        answer.close()
    else:
        answer.let_go()
    await exchange.end(last)


async def whole(exchange: Exchange, answer: Answer, interpreter: Interpreter) -> bytes:
    """All of a reply that is one object.

    Raises:
        AdapterError: the stream broke.
    """
    out: list[bytes] = []

    def keep(data: bytes) -> bool:
        out.append(data)
        return False

    last = await Flow(answer, interpreter, exchange.state.clock).write(keep)
    if interpreter.fault:
        raise interpreter.fault
    if not interpreter.left_early:
        answer.let_go()
    return b"".join((*out, last))
