"""Clients that ask a pipeline in a closed loop: `python -m tests.services.load.clients JOB`.

JOB and what is printed are JSON. A process of its own, lest its work be taken for the services'.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

import orjson

from tests.load import loops
from tests.load.script import PIECES

_END = b"\r\n0\r\n\r\n"
_PATIENCE = 60.0


@dataclass(frozen=True)
class Job:
    """`rounds`: questions of each client; `ramp`: seconds over which the clients begin; `last`:
    what a right answer has at its end."""

    port: int
    path: str
    clients: int
    rounds: int
    ramp: float
    last: str


@dataclass
class Findings:
    """Seconds: until the first token, and until the end, of each right answer."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    failed: dict[str, int] = field(default_factory=dict)


class Client(asyncio.Protocol):
    """One connection; an answer ends with its last HTTP chunk."""

    def __init__(self, first: bytes, last: bytes) -> None:
        self._marks = first, last

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def ask(self, request: bytes) -> asyncio.Future[tuple[float, float] | str]:
        """Seconds to the first token and to the end, or what was wrong."""
        self._over: asyncio.Future[tuple[float, float] | str]
        self._over = asyncio.get_running_loop().create_future()
        self._came, self._first, self._asked_at = bytearray(), 0.0, perf_counter()
        self._transport.write(request)
        return self._over

    def data_received(self, data: bytes) -> None:
        now, (first, last) = perf_counter(), self._marks
        self._came += data
        if not self._first and first in self._came:
            self._first = now - self._asked_at
        if self._came.endswith(_END) or b"\r\nContent-Length:" in self._came:
            right = self._first and last in self._came and b"[DONE]" in self._came
            self._end((self._first, now - self._asked_at) if right else bytes(self._came[:200]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(b"the connection was lost")

    def _end(self, found: tuple[float, float] | bytes) -> None:
        if not self._over.done():
            told = found.decode(errors="replace") if isinstance(found, bytes) else found
            self._over.set_result(told)


def request(job: Job, question: str) -> bytes:
    body = orjson.dumps(
        {"model": "chatqna", "messages": [{"role": "user", "content": question}], "stream": True}
    )
    head = f"POST {job.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def load(job: Job) -> Findings:
    found, numbers = Findings(), itertools.count()
    # In OpenAI's events and in OPEA's, plain text stands as it is.
    marks = (PIECES[0].encode(), job.last.encode())

    async def client(place: int) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(job.ramp * place / job.clients)
        _, asking = await loop.create_connection(lambda: Client(*marks), "127.0.0.1", job.port)
        for _ in range(job.rounds):
            number = next(numbers)
            question = f"What is told of word{number % 97} and word{number * 7 % 997}?"
            async with asyncio.timeout(_PATIENCE):
                told = await asking.ask(request(job, question))
            if isinstance(told, str):
                found.failed[told] = found.failed.get(told, 0) + 1
                return
            found.first.append(told[0])
            found.whole.append(told[1])

    async with asyncio.TaskGroup() as group:
        for place in range(job.clients):
            group.create_task(client(place))
    return found


async def run(job: Job) -> None:
    sys.stdout.buffer.write(orjson.dumps(asdict(await load(job))))


def main() -> None:
    loops.allow_many_files()
    loops.run(run(Job(**orjson.loads(sys.argv[1]))))


if __name__ == "__main__":
    main()
