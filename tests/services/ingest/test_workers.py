"""Real processes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from services.errors import Refused
from services.ingest import workers as module
from services.ingest.cutting import Size
from services.ingest.workers import Job, Workers

HANGS = """
import sys, time
sys.stdin.buffer.read(4)
time.sleep(100)
"""


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    opened = Workers(20)
    yield opened
    await opened.close()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    path = tmp_path / "0"
    path.write_bytes(b"# T\n\nText.")
    return Job("a.md", path)


def idle(workers: Workers) -> list[int]:
    return [process.pid for process in workers._idle]


async def test_a_process_reads_one_file_after_another(workers: Workers, job: Job):
    begun = asyncio.Event()
    read = await workers.read(job, Size(), begun.set)
    assert begun.is_set()
    assert (read.kind, read.title) == ("markdown", "T")
    [piece] = read.passages
    assert (piece.text, piece.header) == ("Text.", "a.md > T")
    first = idle(workers)
    assert await workers.read(job, Size()) == read
    assert idle(workers) == first


async def test_as_many_processes_as_files_are_read_at_a_time(workers: Workers, job: Job):
    await asyncio.gather(*(workers.read(job, Size()) for _ in range(3)))
    assert len(idle(workers)) == 3


async def test_one_that_died_meanwhile_is_no_files_fault(workers: Workers, job: Job):
    await workers.read(job, Size())
    [pid] = idle(workers)
    os.kill(pid, signal.SIGKILL)
    await workers._idle[0].wait()
    await workers.read(job, Size())
    assert idle(workers) != [pid]


async def test_what_the_file_is_refused_for(workers: Workers, job: Job):
    with pytest.raises(Refused, match=r"^a.exe: a file of this kind") as refused:
        await workers.read(Job("a.exe", job.path), Size())
    assert refused.value.status == 415
    assert len(idle(workers)) == 1


async def test_a_file_that_takes_too_long(job: Job, monkeypatch: pytest.MonkeyPatch):
    workers = Workers(0.3)

    async def hanging() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(module.sys.executable, "-c", HANGS),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )

    monkeypatch.setattr(module, "started", hanging)
    with pytest.raises(Refused, match=r"takes longer than 0\.3 seconds"):
        await workers.read(job, Size())
    assert idle(workers) == []


async def test_a_file_that_kills_its_reader(
    workers: Workers, job: Job, monkeypatch: pytest.MonkeyPatch
):
    async def dying() -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(module.sys.executable, "-c", "import os; os.abort()"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )

    with monkeypatch.context() as patch:
        patch.setattr(module, "started", dying)
        with pytest.raises(Refused, match="the file broke what reads it"):
            await workers.read(job, Size())
    assert (await workers.read(job, Size())).passages


async def test_too_much_memory(workers: Workers, tmp_path: Path):
    """A text of one byte a character is one of four in memory, with one letter beyond."""
    path = tmp_path / "0"
    with path.open("wb") as file:
        file.truncate(400 * 2**20)
        file.seek(0, os.SEEK_END)
        file.write("\U0001f600".encode())
    with pytest.raises(Refused, match=r"^a.txt: .*memory|^a.txt: the file broke"):
        await workers.read(Job("a.txt", path), Size())
    assert idle(workers) == []


async def test_a_file_that_its_reader_fails_at(workers: Workers, job: Job, caplog):
    """A line for the log, a sentence for who sent it, and a new process for the next file."""
    with pytest.raises(Refused, match=r"^a\.txt: the file is broken"):
        await workers.read(Job("a.txt", job.path.with_name("gone")), Size())
    assert "FileNotFoundError" in caplog.text
    assert idle(workers) == []


async def test_who_leaves_ends_the_process(workers: Workers, tmp_path: Path):
    path = tmp_path / "0"
    path.write_bytes(b"word " * 3_000_000)
    begun = asyncio.Event()
    reading = asyncio.ensure_future(workers.read(Job("a.txt", path), Size(), begun.set))
    await begun.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert idle(workers) == []


def environment_of(pid: int) -> bytes:
    """Linux tells it; nothing elsewhere."""
    path = Path(f"/proc/{pid}/environ")
    return path.read_bytes() if path.exists() else b""


async def test_a_process_knows_no_secrets(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADAPTER_API_KEY", "secret")
    process = await module.started()
    assert b"secret" not in environment_of(process.pid)
    await module.end(process)
