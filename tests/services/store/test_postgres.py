"""How PostgreSQL is come by; what it does there is in test_store.py."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import numpy as np
import pytest
from services.errors import ConfigError, NotYet
from services.store.faults import StoreBusy
from services.store.model import Document, Model, NewPassage
from services.store.postgres import PostgresStore

from tests.support import machine


async def test_a_password_from_a_file_is_used(postgres: str, tmp_path: Path):
    """The server of the tests trusts everybody: what is seen is that the address still works."""
    (tmp_path / "password").write_text("a-secret\n")
    mark = "&" if "?" in postgres else "?"
    store = PostgresStore(f"{postgres}{mark}password_file={tmp_path}/password")
    await store.open()
    try:
        assert await store.index("none") is None
    finally:
        await store.close()


async def test_a_password_file_that_is_not_there_is_named(tmp_path: Path):
    store = PostgresStore(f"postgresql://u@127.0.0.1/d?password_file={tmp_path}/none")
    with pytest.raises(ConfigError, match=r"^STORE_URL: password_file: .*none"):
        await store.open()


async def test_a_server_that_is_not_there_may_come(postgres: str):
    store = PostgresStore(f"postgresql://u@127.0.0.1:{machine.free_port()}/d")
    with pytest.raises(NotYet, match=r"^STORE_URL: the database can't be used yet: "):
        await store.open()


async def test_a_server_that_goes_away_may_come_back(postgres: str):
    store, other = PostgresStore(postgres), await asyncpg.connect(postgres)
    await store.open()
    try:
        vectors = np.ones((1, 3), np.float32)
        await store.put("away", Model("m", 3), Document("d", "x"), [NewPassage("t")], vectors)
        async with other.transaction():
            await other.execute("SELECT id FROM rag_indexes WHERE name = 'away' FOR UPDATE")
            waiting = asyncio.ensure_future(store.delete("away", "d"))
            ended = None
            while not ended:
                await asyncio.sleep(0.01)
                ended = await other.fetchval(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
                )
            with pytest.raises(StoreBusy, match=r"^the store: "):
                await waiting
        assert await store.document("away", "d") is not None
        assert await store.drop("away")
    finally:
        await store.close()
        await other.close()
