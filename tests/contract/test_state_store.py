"""Aliases are kept: over restarts, between adapters and workers, and not at any price."""

import asyncio
import sqlite3

import pytest

from adapter.catalog.state import FRESH_SECONDS
from tests.contract.managing import create, delete, names, show
from tests.support.machine import free_port
from tests.support.serve import serving, serving_process


async def test_nothing_is_written_before_there_is_something_to_keep(scripted, tmp_path):
    folder = tmp_path / "state"
    async with serving(scripted.url, state_dir=str(folder)) as adapter:
        await adapter.post("/api/generate", {"model": "tiny-chat", "prompt": "hi"})
        await names(adapter)
        assert not folder.exists()
        await create(adapter, "a")
    assert [path.name for path in folder.iterdir()] == ["state.sqlite"]


async def test_aliases_outlive_the_adapter(scripted, tmp_path):
    async with serving(scripted.url, state_dir=str(tmp_path)) as adapter:
        await create(adapter, "a", system="one")
        before = (await adapter.get("/api/tags")).json["models"][0]
    async with serving(scripted.url, state_dir=str(tmp_path)) as adapter:
        assert (await adapter.get("/api/tags")).json["models"][1] == before
        assert (await show(adapter, "a"))["system"] == "one"


async def test_two_adapters_see_each_others_aliases_at_once(scripted, tmp_path):
    folder = str(tmp_path)
    async with (
        serving(scripted.url, state_dir=folder) as one,
        serving(scripted.url, state_dir=folder) as other,
    ):
        for number in range(5):
            await create(one, "a", system=str(number))
            assert (await show(other, "a"))["system"] == str(number)
        await delete(other, {"model": "a"})
        assert (await one.post("/api/show", {"model": "a"})).status == 404
        await asyncio.gather(*(create(side, f"m{i}") for i in range(10) for side in (one, other)))
        assert len(await names(one)) == len(await names(other)) == 11


async def test_workers_share_their_aliases(scripted, tmp_path):
    port, folder = free_port(), str(tmp_path)
    arguments = ("--upstream", scripted.url, "--workers", "2")
    async with serving_process(port, *arguments, ADAPTER_STATE_DIR=folder) as adapter:
        await adapter.until_ready()
        await create(adapter, "a", system="one")
        for _ in range(20):  # connections fall to either worker
            assert (await show(adapter, "a"))["system"] == "one"


async def test_a_folder_that_can_not_be_written_costs_the_aliases_only(scripted, tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "state"
    async with serving(scripted.url, state_dir=str(folder)) as adapter:
        reply = await adapter.post("/api/copy", {"source": "tiny-chat", "destination": "a"})
        assert reply.status == 500
        assert reply.json["error"] == (
            f"the state folder {folder} can't be used: Not a directory; "
            "ADAPTER_STATE_DIR names another"
        )
        assert (await adapter.post("/api/show", {"model": "a"})).status == 404
        reply = await adapter.post("/api/generate", {"model": "tiny-chat", "prompt": "hi"})
        assert reply.status == 200


async def test_no_folder_at_all(scripted):
    async with serving(scripted.url, state_dir="") as adapter:
        reply = await adapter.post("/api/copy", {"source": "tiny-chat", "destination": "a"})
        assert reply.status == 500
        assert "ADAPTER_STATE_DIR" in reply.json["error"]
        digest = "/api/blobs/sha256:" + "0" * 64
        assert (await adapter.post(digest, b"x")).status == 500


@pytest.mark.parametrize("kind", ["noise", "newer"])
async def test_a_file_that_can_not_be_read_is_left_alone(scripted, tmp_path, kind, caplog):
    file = tmp_path / "state.sqlite"
    if kind == "noise":
        file.write_bytes(b"no database at all, " * 100)
        reason = "file is not a database"
    else:
        with sqlite3.connect(file) as connection:
            connection.execute("PRAGMA user_version = 7")
        connection.close()
        reason = "written by a newer version of the adapter (its schema is 7, this version knows 1)"
    content = file.read_bytes()
    async with serving(scripted.url, state_dir=str(tmp_path)) as adapter:
        assert await names(adapter) == ["tiny-chat:latest"]
        reply = await adapter.post("/api/copy", {"source": "tiny-chat", "destination": "a"})
        assert reply.status == 500
        assert reason in reply.json["error"]
        gone = await delete(adapter, {"model": "a"})
        assert gone.status == 500
        assert reason in gone.json["error"]
        await names(adapter)
        assert file.read_bytes() == content
        said = [record.getMessage() for record in caplog.records if reason in record.getMessage()]
        assert len([text for text in said if text.startswith("no aliases: ")]) == 1
        file.unlink()
        await create(adapter, "a")
        assert await names(adapter) == ["a:latest", "tiny-chat:latest"]


async def test_a_state_folder_that_vanishes_takes_its_aliases_along(scripted, tmp_path):
    async with serving(scripted.url, state_dir=str(tmp_path)) as adapter:
        await create(adapter, "a")
        (tmp_path / "state.sqlite").unlink()
        await asyncio.sleep(2 * FRESH_SECONDS)
        assert await names(adapter) == ["tiny-chat:latest"]
        await create(adapter, "b")
        assert await names(adapter) == ["b:latest", "tiny-chat:latest"]
