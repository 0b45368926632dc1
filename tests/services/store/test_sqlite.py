"""What only the file has to show: other processes, a crash, files that are something else."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from services.store import sqlite_reading as reading
from services.store.faults import StoreFault
from services.store.model import Document, Model, NewPassage
from services.store.sqlite import SQLiteStore
from services.store.sqlite_schema import connect

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


async def test_what_another_process_drops_is_forgotten(tmp_path: Path):
    """Its vectors would be hundreds of megabytes that nobody can ask for."""
    one, other = (SQLiteStore(f"{tmp_path}/rag.sqlite") for _ in range(2))
    await one.open()
    await other.open()
    passage = NewPassage("text", "", {}, "k")
    for name in ("i", "j"):
        await one.put(name, MODEL, Document("a.md", "d"), [passage], ROW)
        await one.dense(name, ROW[0], 1)
    assert len(one._matrices) == 2
    await other.drop("i")
    await other.put("j", MODEL, Document("b.md", "d"), [passage], ROW)
    assert len(await one.dense("j", ROW[0], 9)) == 2
    assert len(one._matrices) == 1
    await one.close()
    await other.close()


async def test_each_of_many_passages_keeps_its_own_vector(tmp_path: Path):
    store = SQLiteStore(f"{tmp_path}/rag.sqlite")
    await store.open()
    angles = np.linspace(0, 3, 1300)
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    for name, half in (
        ("a.md", slice(0, 650)),
        ("b.md", slice(650, 1300)),
        ("a.md", slice(0, 650)),
    ):
        taken = [NewPassage(f"{n}", "", {}, f"k{n}") for n in range(half.start, half.stop)]
        await store.put("i", MODEL, Document(name, "d"), taken, rows[half])
        await store.dense("i", ROW[0], 1)  # the next one is added to what was read by now
    found = await store.dense("i", ROW[0], 2000)
    passages = await store.passages([one.id for one in found])
    vectors = await store.vectors("i", [one.id for one in passages])
    expected = [rows[int(one.key[1:])] for one in passages]
    assert len(passages) == 1300
    assert np.allclose([vectors[one.id] for one in passages], expected, atol=0.001)
    await store.close()


async def test_the_database_sorts_no_vectors(tmp_path: Path):
    """It would write all of them to the disk once more, at the first search of a process."""
    store = SQLiteStore(f"{tmp_path}/rag.sqlite")
    await store.open()
    await store.put("i", MODEL, Document("a.md", "d"), [NewPassage("text", "", {}, "k")], ROW)
    await store.close()
    db, asked = connect(f"{tmp_path}/rag.sqlite"), list[str]()
    db.set_trace_callback(asked.append)
    assert len(reading.matrix(db, 1, None).ids) == 1
    db.set_trace_callback(None)
    [read] = [one for one in asked if "vector" in one]
    plan = " ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {read}"))
    assert "passages_of_index" in plan
    assert "TEMP B-TREE" not in plan
    db.close()
