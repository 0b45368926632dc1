"""What only the file has to show: other processes, a crash, files that are something else."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from services.store.faults import StoreFault
from services.store.model import Document, Model, NewPassage
from services.store.sqlite import SQLiteStore

from tests.support.machine import ROOT, clean_environ

MODEL = Model("m", 2)
ROW = np.array([[1, 0]], np.float32)
WRITER = """
import asyncio, sys, numpy as np
from services.store.model import Document, Model, NewPassage
from services.store.sqlite import SQLiteStore

async def main(file, first, count):
    store = SQLiteStore(file)
    await store.open()
    row = np.array([[1, 0]], np.float32)
    for n in range(first, first + count):
        passages = [NewPassage(f"word{n} text", "", {}, f"k{n}{i}") for i in range(50)]
        document = Document(f"{n}.md", "d")
        await store.put("i", Model("m", 2), document, passages, np.repeat(row, 50, axis=0))
        print(n, flush=True)
    await store.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


async def writing(file: Path, first: int, count: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WRITER, str(file), str(first), str(count)),
        env=clean_environ(PYTHONPATH=str(ROOT / "compose")),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


async def test_two_processes_write_while_one_reads(tmp_path: Path):
    file = tmp_path / "rag.sqlite"
    store = SQLiteStore(str(file))
    await store.open()
    writers = [await writing(file, first, 5) for first in (0, 100)]
    waiting = asyncio.gather(*(writer.wait() for writer in writers))
    while not waiting.done():
        seen = await store.dense("i", ROW[0], 10_000)
        assert len(seen) % 50 == 0, "half a document was seen"
        await asyncio.sleep(0.01)
    assert waiting.result() == [0, 0]
    assert len(await store.dense("i", ROW[0], 10_000)) == 500
    assert len(await store.lexical("i", "word103", 100)) == 50
    await store.close()


async def test_a_writer_that_is_killed_leaves_whole_documents(tmp_path: Path):
    file = tmp_path / "rag.sqlite"
    writer = await writing(file, 0, 10_000)
    assert writer.stdout is not None
    for _ in range(3):
        await writer.stdout.readline()
    os.kill(writer.pid, signal.SIGKILL)
    await writer.communicate()
    store = SQLiteStore(str(file))
    await store.open()
    documents = await store.documents("i")
    assert len(documents) >= 3
    assert len(await store.dense("i", ROW[0], 10**6)) == 50 * len(documents)
    for document in documents:
        assert len(await store.lexical("i", f"word{document.name[:-3]}", 100)) == 50
    await store.put("i", MODEL, Document("0.md", "e"), [NewPassage("new", "", {}, "n")], ROW)
    assert await store.lexical("i", "word0", 100) == []
    await store.close()


async def test_a_file_that_is_something_else(tmp_path: Path):
    file = tmp_path / "rag.sqlite"
    file.write_bytes(b"this is no database" * 100)
    store = SQLiteStore(str(file))
    with pytest.raises(StoreFault, match="not a database"):
        await store.open()
    await store.close()


async def test_a_file_of_a_later_version(tmp_path: Path):
    import sqlite3

    file = tmp_path / "rag.sqlite"
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    store = SQLiteStore(str(file))
    with pytest.raises(StoreFault, match="another version"):
        await store.open()
    await store.close()


async def test_opened_again_it_is_all_there(tmp_path: Path):
    for number in range(2):
        store = SQLiteStore(f"{tmp_path}/folder/rag.sqlite")
        await store.open()
        assert len(await store.documents("i")) == number
        passage = NewPassage("text", "", {}, "k")
        await store.put("i", MODEL, Document(f"{number}.md", "d"), [passage], ROW)
        await store.close()
