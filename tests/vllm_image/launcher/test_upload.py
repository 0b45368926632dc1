"""Against the real services; only who isn't them is played."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from launcher import ports, upload, web
from launcher.ports import Address
from services.running import serving
from services.settings import Settings

from tests.services.house import PORTS
from tests.support.raw_http import post

CATS = b"# Cats\n\nCats sleep.\n"


@pytest.fixture
async def dataprep(tmp_path: Path) -> AsyncIterator[Address]:
    store = f"sqlite:{tmp_path}/store/rag.sqlite"
    (tmp_path / "store").mkdir()
    settings = Settings(store=store, embedding_kind="wordllama", file_limit=1000, **PORTS)
    async with serving("dataprep", settings) as listening:
        yield Address("127.0.0.1", listening["dataprep_port"])


def taken(server: Address, name: str, folder: Path, data: bytes) -> list[dict[str, Any]]:
    (folder / "file").write_bytes(data)
    with (folder / "file").open("rb") as file:
        return list(upload.steps(server, name, file))


async def names(server: Address) -> list[str]:
    return [row["name"] for row in (await post(server.url, "/v1/dataprep/get", {})).json]


@pytest.mark.parametrize(
    "name", ["cats.md", '"a" "b".md', "a; b; c=d.md", "wo - där.md", "50%22.md", "'a'.md"]
)
async def test_each_step_is_told(dataprep: Address, tmp_path: Path, name: str) -> None:
    steps = await asyncio.to_thread(taken, dataprep, name, tmp_path, CATS)
    assert [steps[0]["stage"], steps[-1]["stage"]] == ["waiting", "added"]
    assert steps[-1]["passages"] == 1
    [again] = [s for s in await asyncio.to_thread(taken, dataprep, name, tmp_path, CATS)][-1:]
    assert again["stage"] == "unchanged"
    assert await names(dataprep) == [name]


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("empty.md", b"", "empty.md: the file is empty"),
        ("x.pdf", b"%PNG", "x.pdf: the ending is wrong, or the file is broken"),
        ("long.md", b"x" * 2000, "long.md: larger than"),
        ("huge.md", b"x" * 40_000_000, "huge.md: "),
    ],
)
async def test_a_file_that_is_refused(
    dataprep: Address, tmp_path: Path, name: str, data: bytes, text: str
) -> None:
    try:
        [*_, last] = await asyncio.to_thread(taken, dataprep, name, tmp_path, data)
    except web.NoAnswer:
        assert name == "huge.md"  # it may be refused before it was sent
    else:
        assert last["stage"] == "failed"
        assert last["error"].startswith(text)


async def test_what_is_forgotten_is_gone(dataprep: Address, tmp_path: Path) -> None:
    await asyncio.to_thread(taken, dataprep, "cats.md", tmp_path, CATS)
    for there in (True, False):
        assert await asyncio.to_thread(upload.forget, dataprep, "cats.md") is there
        assert await names(dataprep) == []


def test_nobody_there() -> None:
    server = Address("127.0.0.1", ports.free_port())
    with pytest.raises(web.NoAnswer, match="connection refused"):
        upload.forget(server, "a")


def test_a_file_that_grows_shorter_is_not_sent_as_if_it_were_whole() -> None:
    pieces = upload._pieces(b"head", io.BytesIO(b"abc"), 5, b"tail")
    assert [next(pieces), next(pieces)] == [b"head", b"abc"]
    with pytest.raises(ValueError, match="changed while it was read"):
        next(pieces)
