"""A closed-loop load generator: `python -m tests.load.generator JOB` (JSON), prints its findings.

Every client is a connection that asks, takes the answer, has its text checked, and asks again.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from time import perf_counter, process_time
from typing import Any

import orjson

from adapter.bench.figures import percentile
from tests.load import loops
from tests.load.answers import Answer
from tests.load.dialects import DIALECTS
from tests.load.mock_vllm import ACK, LENGTH
from tests.load.script import LOCK, Order, model_name

_LEAVING = 5.0
"""Seconds after which the engine ought to know that nobody listens."""


@dataclass(frozen=True, slots=True)
class Job:
    """One load. `seconds`: no new question after so long; `rounds`: answers per client, 0 for any
    number; `ramp`: seconds over which the clients begin; `patience`: seconds more for the last
    answers; `padding`: bytes added to each prompt; `images`: pictures of 100 KB in each; `stall`:
    seconds for which a client reads nothing after the first token; `engine`: the mock engine's
    port; `leaves`: all clients leave after their first token; `models`: how many the clients
    spread over, with names after `prefix`; `after`: answers have numbers above this, so that two
    loads can be on at once."""

    port: int
    dialect: str
    tokens: int
    pace: str
    stream: bool
    clients: int
    seconds: float
    acks: str
    rounds: int = 0
    ramp: float = 0.0
    patience: float = 30.0
    padding: int = 0
    images: int = 0
    stall: float = 0.0
    engine: int = 0
    leaves: bool = False
    models: int = 1
    prefix: str = ""
    after: int = 0


@dataclass
class Findings:
    """What came of a job. Times in milliseconds; tokens are those of right answers; `cpu` is what
    this process took for it, in seconds.

    `delays` are from the mock engine's writing of a token to its arrival here: the median, the
    99th percentile, and the longest, of a job at a timed pace.
    """

    answers: int = 0
    tokens: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    failed: dict[str, int] = field(default_factory=dict)
    first_token_p50: float | None = None
    first_token_p99: float | None = None
    left: float | None = None
    delays: tuple[float, float, float] | None = None


class Acks:
    """Tells the mock engine what has come: once for all that one turn of the loop has read."""

    def __init__(self, transport: asyncio.WriteTransport | None) -> None:
        self._transport = transport
        self._waiting: list[bytes] = []

    def tell(self, number: int, received: int) -> None:
        if self._transport is None:
            return
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(ACK.pack(number, received))

    def _flush(self) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(self._waiting))
        self._waiting.clear()


class Connection(asyncio.Protocol):
    def __init__(self, acks: Acks, job: Job) -> None:
        self.closed = False
        self._acks = acks
        self._job = job
        self._answer: Answer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def ask(self, answer: Answer, request: bytes) -> asyncio.Future[float | None]:
        """Sends the request; the future has the seconds to the first token, if one came."""
        self._answer, self._first = answer, None
        self.arrivals: list[float] = []
        self._over: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
        self._asked_at = perf_counter()
        self.transport.write(request)
        return self._over

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            return
        before = answer.tokens
        answer.feed(data)
        if answer.tokens > max(before, 0):
            if before <= 0:
                self._begun()
            self._acks.tell(answer.order.number, answer.tokens)
            if answer.order.timed:
                self.arrivals += [perf_counter()] * (answer.tokens - max(before, 0))
        if answer.over:
            self._finish()

    def _begun(self) -> None:
        self._first = perf_counter() - self._asked_at
        if self._job.leaves:
            self._finish()
        elif self._job.stall:
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(self._job.stall, self.transport.resume_reading)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._answer is not None:
            self._answer.lost()
            self._finish()

    def _finish(self) -> None:
        self._answer = None
        if not self._over.done():
            self._over.set_result(self._first)


class Load:
    """A job while it runs."""

    def __init__(self, job: Job, acks: Acks) -> None:
        self.findings = Findings()
        self._job = job
        self._acks = acks
        self._numbers = itertools.count(job.after + 1)
        self._firsts: list[float] = []
        self._arrivals: dict[int, list[float]] = {}
        self._asking = 0
        self._all = asyncio.Barrier(job.clients)

    async def run(self) -> Findings:
        begin, spent = perf_counter(), process_time()
        self._until = begin + self._job.seconds
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._job.seconds + self._job.patience):
                await asyncio.gather(*map(self._client, range(self._job.clients)))
        if self._asking:
            self._failed("no end", self._asking)
        self.findings.seconds = perf_counter() - begin
        self.findings.cpu = process_time() - spent
        if self._firsts:
            self.findings.first_token_p50 = percentile(self._firsts, 50) * 1000
            self.findings.first_token_p99 = percentile(self._firsts, 99) * 1000
        if self._arrivals:
            self.findings.delays = delays(await _asked(self._job.engine, "times"), self._arrivals)
        return self.findings

    async def _client(self, place: int) -> None:
        if self._job.ramp:
            await asyncio.sleep(self._job.ramp * place / self._job.clients)
        connection = None
        try:
            for done in itertools.count():
                over = perf_counter() >= self._until
                if (over and done) or (self._job.rounds and done >= self._job.rounds):
                    return
                if connection is None or connection.closed or connection.transport.is_closing():
                    connection = await self._connect()
                if connection is not None:
                    await self._exchange(connection, self._model(place))
        finally:
            if connection is not None:
                connection.transport.abort()

    def _model(self, place: int) -> str:
        return self._job.prefix + model_name(place % self._job.models)

    async def _connect(self) -> Connection | None:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(self._acks, self._job), "127.0.0.1", self._job.port
            )
        except OSError:
            self._failed("no connection")
            await asyncio.sleep(0.05)
            return None
        return connection

    async def _exchange(self, connection: Connection, model: str) -> None:
        job, dialect = self._job, DIALECTS[self._job.dialect]
        order = Order(next(self._numbers), job.tokens, job.pace)
        answer = Answer(dialect, order, job.stream)
        self._asking += 1
        request = dialect.request(order, job.stream, job.padding, model, job.images)
        first = await connection.ask(answer, request)
        self._asking -= 1
        if job.leaves:
            if first is None:
                self._failed(answer.fault() or "no first token")
            await self._leave(connection)
            return
        if fault := answer.fault():
            self._failed(fault)
            connection.transport.close()
            return
        self.findings.answers += 1
        self.findings.tokens += job.tokens
        if order.timed:
            self._arrivals[order.number] = connection.arrivals
        if first is not None:
            self._firsts.append(first)

    async def _leave(self, connection: Connection) -> None:
        """With all the others; the first to go sees how long the engine is at work for nobody."""
        place = await self._all.wait()
        connection.transport.abort()
        self.findings.answers += 1
        if place == 0:
            begin = perf_counter()
            while left := (await _asked(self._job.engine, "counts"))["active"]:
                if perf_counter() - begin > _LEAVING:
                    self._failed("still at work", left)
                    return
            self.findings.left = (perf_counter() - begin) * 1000

    def _failed(self, kind: str, times: int = 1) -> None:
        self.findings.failed[kind] = self.findings.failed.get(kind, 0) + times


async def _asked(engine: int, page: str) -> dict[str, Any]:
    """What the mock engine tells of itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", engine)
    writer.write(b"GET /%b HTTP/1.1\r\n\r\n" % page.encode())
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(int(LENGTH.findall(head)[0]))
    writer.close()
    await writer.wait_closed()
    read: dict[str, Any] = orjson.loads(body)
    return read


def delays(
    sent: Mapping[str, Sequence[float]], arrivals: Mapping[int, Sequence[float]]
) -> tuple[float, float, float] | None:
    """Milliseconds from the sending of a token to its arrival: median, 99th percentile, longest.

    Both by the number of the answer; None if nothing was noted of any.
    """
    found = [
        (came - went) * 1000
        for number, times in arrivals.items()
        for went, came in zip(sent.get(str(number), ()), times, strict=False)
    ]
    if not found:
        return None
    return percentile(found, 50), percentile(found, 99), max(found)


async def work(job: Job) -> None:
    transport = None
    if job.pace == LOCK:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_unix_connection(asyncio.Protocol, job.acks)
    findings = await Load(job, Acks(transport)).run()
    sys.stdout.write(orjson.dumps(asdict(findings)).decode() + "\n")


if __name__ == "__main__":
    loops.allow_many_files()
    loops.run(work(Job(**orjson.loads(sys.argv[1]))))
