from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from adapter.catalog.names import Name
from adapter.catalog.state import FILE, FRESH_SECONDS, SCHEMA, Alias, AliasStore
from adapter.errors import StateFault
from adapter.translate.definition import Definition
from adapter.wire.ollama import Message

FULL = Alias(
    Name("mario", "it", "me"),
    Definition(
        base="org/chat:latest",
        system="Überall \u2028 'x\"",
        template="{{ .Prompt }}",
        messages=(Message(role="user", content="1?"), Message(role="assistant", images=["aGk="])),
        options={"temperature": 0.5, "stop": ["a", "b"], "top_k": 3},
        license=("MIT", "mine"),
        lora="ollama-vllm-lora-0",
    ),
    "2026-11-21T02:18:46.123456789Z",
)
BARE = Alias(Name("x"), Definition("y:latest"), "2026-11-22T02:18:46.123456789Z")


async def test_what_is_kept_is_read_again(store: AliasStore, other: AliasStore):
    await store.put(BARE)
    await store.put(FULL)
    assert store.aliases == (FULL, BARE)  # the older first
    await other.refresh()
    assert other.aliases == (FULL, BARE)
    [full, _] = other.aliases
    assert full.definition.messages == FULL.definition.messages


async def test_a_name_has_one_meaning_in_any_case(store: AliasStore):
    await store.put(BARE)
    again = replace(BARE, name=Name("X"), definition=Definition("z"))
    await store.put(again)
    assert store.aliases == (again,)
    assert await store.delete(Name("x")) is True
    assert await store.delete(Name("x")) is False
    assert store.aliases == ()


async def test_reading_makes_no_folder(store: AliasStore):
    await store.refresh()
    assert store.folder is not None
    assert not store.folder.exists()


async def test_without_news_nothing_is_read(store: AliasStore):
    await store.put(BARE)
    before = store.aliases
    await store.refresh()
    assert store.aliases is before


async def test_another_process_is_seen_and_so_is_another_file(store: AliasStore, other: AliasStore):
    await store.put(BARE)
    await other.refresh()
    await other.put(FULL)
    await store.refresh()
    assert store.aliases == (FULL, BARE)
    assert store.folder is not None
    (store.folder / FILE).unlink()
    await store.refresh()
    assert store.aliases == (FULL, BARE)  # as it was a moment ago
    await asyncio.sleep(2 * FRESH_SECONDS)
    await store.refresh()
    assert store.aliases == ()
    await other.put(FULL)
    await store.refresh()
    assert store.aliases == (FULL,)


async def test_many_at_once(store: AliasStore, other: AliasStore):
    aliases = [replace(BARE, name=Name(f"m{number}")) for number in range(20)]
    await asyncio.gather(*((store, other)[i % 2].put(alias) for i, alias in enumerate(aliases)))
    await asyncio.gather(store.refresh(), other.refresh(), store.refresh())
    assert set(map(str, store.aliases)) == set(map(str, other.aliases)) == set(map(str, aliases))


async def test_a_reader_waits_for_another_process_at_its_write(
    store: AliasStore, other: AliasStore
):
    await store.put(BARE)
    assert store.folder is not None
    with closing(sqlite3.connect(store.folder / FILE, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        await asyncio.sleep(2 * FRESH_SECONDS)
        reading = asyncio.gather(store.refresh(), other.refresh())
        await asyncio.sleep(0.05)
        assert not reading.done()
        writer.execute("DELETE FROM aliases")
        writer.execute("COMMIT")
        await reading
    assert store.aliases == other.aliases == ()


async def test_a_request_that_is_given_up_does_no_harm(store: AliasStore, other: AliasStore):
    await store.put(BARE)
    for number in range(20):
        await other.put(replace(BARE, definition=Definition(f"{number}")))
        reading = asyncio.get_running_loop().create_task(store.refresh())
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, store.refresh(), return_exceptions=True)
        await store.refresh()
        assert store.aliases[0].definition.base == f"{number}"


async def test_what_was_half_written_by_a_process_that_died_is_rolled_back(store: AliasStore):
    await store.put(BARE)
    assert store.folder is not None
    file = store.folder / FILE
    # A hot journal: the file's content before a change that was never finished.
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("UPDATE aliases SET base = 'broken'")
        journal = file.with_name(FILE + "-journal")
        kept = journal.read_bytes()
        writer.execute("ROLLBACK")
    journal.write_bytes(kept)
    await store.refresh()
    assert store.aliases == (BARE,)


async def test_no_folder():
    store = AliasStore("")
    await store.refresh()
    assert (store.folder, store.aliases) == (None, ())
    with pytest.raises(StateFault, match="ADAPTER_STATE_DIR"):
        await store.put(BARE)
    await store.close()


async def test_a_folder_that_can_not_be_made(tmp_path: Path):
    (tmp_path / "file").touch()
    store = AliasStore(str(tmp_path / "file" / "x"))
    with pytest.raises(StateFault) as fault:
        await store.put(BARE)
    assert fault.value.status == 500
    assert fault.value.message == (
        f"the state folder {tmp_path}/file/x can't be used: Not a directory; "
        "ADAPTER_STATE_DIR names another"
    )


async def test_a_relative_folder_stays_where_it_is(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = AliasStore("state")
    monkeypatch.chdir("/")
    await store.put(BARE)
    assert (tmp_path / "state" / FILE).exists()
    await store.close()


def test_the_schema_is_numbered(tmp_path: Path):
    async def put() -> None:
        store = AliasStore(str(tmp_path))
        await store.put(BARE)
        await store.close()

    asyncio.run(put())
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA,)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"noise" * 1000, "file is not a database"),
        ("PRAGMA user_version = 2", "newer version of the adapter (its schema is 2"),
        ("CREATE TABLE x (y); PRAGMA user_version = 1", "no such table: aliases"),
    ],
)
async def test_a_file_that_can_not_be_read(store: AliasStore, content, reason, caplog):
    caplog.set_level(logging.ERROR)
    assert store.folder is not None
    store.folder.mkdir(parents=True)
    file = store.folder / FILE
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(content)
    for _ in range(3):
        await store.refresh()
    assert store.aliases == ()
    assert reason in store.fault
    assert len(caplog.records) == 1
    assert caplog.records[0].getMessage().startswith(f"no aliases: {file} can't be used: ")
    file.unlink()
    await store.put(BARE)
    assert (store.aliases, store.fault) == ((BARE,), "")


async def test_a_row_that_is_none_of_ours(store: AliasStore):
    await store.put(BARE)
    assert store.folder is not None
    with closing(sqlite3.connect(store.folder / FILE)) as connection, connection:
        connection.execute("UPDATE aliases SET options = 'no json'")
    await asyncio.sleep(2 * FRESH_SECONDS)
    await store.refresh()
    assert (store.aliases, store.fault) == ((), "a row in it is none of ours")


async def test_an_empty_file_holds_nothing(store: AliasStore):
    assert store.folder is not None
    store.folder.mkdir(parents=True)
    (store.folder / FILE).touch()
    await store.refresh()
    assert (store.aliases, store.fault) == ((), "")
    await store.put(BARE)
    assert store.aliases == (BARE,)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_aliases_in_a_folder_that_is_not_ours_to_write_are_read(
    store: AliasStore, other: AliasStore
):
    await store.put(BARE)
    assert store.folder is not None
    (store.folder / FILE).chmod(0o400)
    store.folder.chmod(0o500)
    await other.refresh()
    assert other.aliases == (BARE,)
    with pytest.raises(StateFault):
        await other.put(FULL)
    store.folder.chmod(0o700)
