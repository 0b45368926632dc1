"""A server that won't do, is gone, or at work: which failures of Redis pass, and which stay."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import redis as driver
from services.errors import ConfigError, NotYet
from services.store import redis_connection
from services.store.faults import StoreBusy, StoreFault
from services.store.model import Document, Model, NewPassage
from services.store.redis import RedisStore
from services.store.redis_connection import fault

from tests.services.redis_server import ENGINE, opened, refused, running
from tests.support.machine import free_port

MODEL = Model("m", 2)
ROW = np.array([[1, 0]], np.float32)
TEXT = NewPassage("some text", "", {}, "k")
WORK = """
local function now() local time = redis.call('TIME') return time[1] * 1000 + time[2] / 1000 end
local till = now() + 1500
while now() < till do end
"""


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (driver.ConnectionError("Connection refused"), 503, "Connection refused"),
        (OSError("no route"), 503, "no route"),
        (driver.TimeoutError("Timeout reading"), 503, "no answer in time"),
        (driver.BusyLoadingError("Redis is loading"), 503, "Redis is loading"),
        (driver.ResponseError("BUSY Redis is busy"), 503, "BUSY Redis is busy"),
        (driver.AuthenticationError("WRONGPASS"), 500, "WRONGPASS"),
        (driver.OutOfMemoryError("command not allowed"), 500, "command not allowed"),
        (driver.ReadOnlyError("read only"), 503, "read only"),
    ],
)
def test_failures(error: Exception, status: int, told: str):
    found = fault(error)
    assert isinstance(found, StoreFault)
    assert (found.status, found.message) == (status, f"the store: {told}")


async def test_a_server_at_work_for_somebody_else(tmp_path: Path):
    with (
        running(tmp_path, "--busy-reply-threshold", "50") as url,
        driver.Redis.from_url(url) as client,
    ):
        async with opened(url) as store, asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(client.eval, WORK, 0))
            await asyncio.sleep(0.3)
            with pytest.raises(StoreBusy, match=r"^the store: BUSY") as told:
                await store.dense("i", ROW[0], 9)
            assert told.value.status == 503
            with pytest.raises(NotYet, match=r"^STORE_URL: Redis can't be used yet: BUSY"):
                await refused(url)


async def test_the_password(tmp_path: Path):
    (tmp_path / "right").write_text("a:secret@\n")
    (tmp_path / "wrong").write_text("another")
    with running(tmp_path, "--requirepass", "a:secret@") as url:
        async with opened(f"{url}?password_file={tmp_path}/right") as store:
            assert await store.indexes() == []
        for end in (f"?password_file={tmp_path}/wrong", ""):
            with pytest.raises(ConfigError, match=r"^STORE_URL: .*(?i:password|auth)") as told:
                await refused(url + end)
            assert not isinstance(told.value, NotYet)
    with pytest.raises(ConfigError, match=r"^STORE_URL: password_file: .*none"):
        await refused(f"{url}?password_file={tmp_path}/none")


async def test_a_server_that_is_not_there_may_come():
    with pytest.raises(NotYet, match=r"^STORE_URL: Redis can't be used yet: "):
        await refused(f"redis://127.0.0.1:{free_port()}")


@pytest.mark.parametrize(
    ("options", "engine", "told"),
    [
        ((), (), "this Redis has no Query Engine"),
        (("--maxmemory", "1gb", "--maxmemory-policy", "allkeys-lru"), ENGINE, ".*noeviction"),
    ],
)
async def test_a_server_that_will_not_do(
    tmp_path: Path, options: tuple[str, ...], engine: tuple[str, ...], told: str
):
    with (
        running(tmp_path, *options, engine=engine) as url,
        pytest.raises(ConfigError, match=f"^STORE_URL: {told}") as error,
    ):
        await refused(url)
    assert not isinstance(error.value, NotYet)


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("/3", "database 0 is needed, not 3"),
        ("?nonsense=1", "an option that can't be chosen; .*ssl_"),
        ("?decode_responses=true", "an option that can't be chosen; .*ssl_"),
        ("?ssl_ca_certs=/x", ".*ssl_ca_certs"),
        (":x", "not an address; "),
    ],
)
async def test_an_address_that_can_not_be_right(redis: str, end: str, told: str):
    with pytest.raises(ConfigError, match=f"^STORE_URL: {told}") as error:
        await refused(redis + end)
    assert not isinstance(error.value, NotYet)


async def test_a_server_that_goes_and_comes_back(tmp_path: Path):
    port = free_port()
    kept = ("--appendonly", "yes")
    with running(tmp_path, *kept, port=port) as url:
        store = RedisStore(url)
        await store.open()
        await store.put("i", MODEL, Document("a.md", "d"), [TEXT], ROW)
    with pytest.raises(StoreBusy, match=r"^the store: "):
        await store.dense("i", ROW[0], 9)
    with pytest.raises(StoreBusy, match=r"^the store: "):
        await store.put("i", MODEL, Document("b.md", "d"), [TEXT], ROW)
    with running(tmp_path, *kept, port=port):
        assert len(await store.dense("i", ROW[0], 9)) == 1
    await store.close()


async def test_a_server_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(redis_connection, "SECONDS", 0.2)
    with running(tmp_path) as url:
        async with opened(url) as store:
            with driver.Redis.from_url(url) as client:
                process = client.info("server")["process_id"]
            os.kill(process, signal.SIGSTOP)
            try:
                with pytest.raises(StoreBusy, match="the store: no answer in time"):
                    await store.dense("i", ROW[0], 9)
            finally:
                os.kill(process, signal.SIGCONT)
            assert await store.dense("i", ROW[0], 9) == []
