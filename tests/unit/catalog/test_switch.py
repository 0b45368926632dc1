from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing

from adapter.catalog import switch
from adapter.catalog.names import Name
from adapter.catalog.state import FILE, FRESH_SECONDS, SCHEMA, Alias, AliasStore
from adapter.translate.definition import Definition

BARE = Alias(Name("x"), Definition("y:latest"), "2026-11-22T02:18:46.123456789Z")


def test_there_and_back():
    with closing(sqlite3.connect(":memory:")) as connection:
        assert switch.read(connection) == ""
        switch.write(connection, "phase1")
        switch.write(connection, "other")
        assert switch.read(connection) == "other"
        switch.write(connection, "")
        assert switch.read(connection) == ""


async def test_a_rollback_is_seen_by_all_and_outlives_them(store: AliasStore, other: AliasStore):
    await store.put(BARE)
    assert store.rolled_back_to == ""
    await store.roll_back("phase1")
    assert store.rolled_back_to == "phase1"
    await other.refresh()
    assert (other.rolled_back_to, other.aliases) == ("phase1", (BARE,))
    await other.roll_back("")
    await store.refresh()
    assert store.rolled_back_to == ""


async def test_a_rollback_without_aliases(store: AliasStore, other: AliasStore, caplog):
    with caplog.at_level(logging.WARNING, "adapter"):
        await store.roll_back("phase1")
        await store.roll_back("")
    assert store.aliases == ()
    assert caplog.messages == ["rolled back to upstream=phase1", "resumed after upstream=phase1"]


async def test_a_file_that_can_be_read_no_longer_ends_no_rollback(store: AliasStore):
    await store.roll_back("phase1")
    assert store.folder is not None
    file = store.folder / FILE
    file.unlink()
    file.write_bytes(b"no database")
    await asyncio.sleep(2 * FRESH_SECONDS)
    await store.refresh()
    assert store.fault
    assert store.rolled_back_to == "phase1"


async def test_an_adapter_that_knows_no_rollback_can_go_on_with_the_file(store: AliasStore):
    await store.roll_back("phase1")
    assert store.folder is not None
    with closing(sqlite3.connect(store.folder / FILE)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA == 1
