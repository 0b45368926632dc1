"""Reading and cutting in other processes, so that no file can hold up or bring down this one.

A file that takes longer than the settings allow ends its process, as does one that takes more
memory than worker.MEMORY or breaks the parser: that is its error, and the next file has a new one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from services.errors import Refused
from services.ingest import frames
from services.ingest.cutting import Size
from services.settings import environment
from services.store.model import NewPassage

_KEPT_UP_TO = 8 * 2**20
"""Bytes of a file: what a larger one took of memory is given back with its process."""
_HANDED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_log = logging.getLogger("services")


@dataclass(frozen=True)
class Job:
    name: str
    path: Path
    kind: str = ""
    """The ending whose reader reads it, if its own doesn't tell."""
    charset: str = ""


@dataclass(frozen=True)
class Read:
    """A file's passages, and what is known of it."""

    kind: str
    title: str
    metadata: Mapping[str, Any]
    remark: str
    passages: list[NewPassage]


class Unsound(Refused):
    """A file after which nobody knows what state its process is in."""


class Workers:
    """Processes, started when they are needed: as many as files are read at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._idle: list[Process] = []

    async def read(self, job: Job, size: Size, begun: Callable[[], None] = lambda: None) -> Read:
        """`begun` is called when it has been read and is being cut.

        Raises:
            Refused: one sentence for who sent the file.
        """
        process = await self._process()
        sound = False
        try:
            async with asyncio.timeout(self._seconds):
                read = await exchange(process, job, size, begun)
            sound = True
            return read
        except TimeoutError:
            told = f"{job.name}: to read it takes longer than {self._seconds:g} seconds"
            raise Refused(told) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Refused(f"{job.name}: the file broke what reads it") from None
        except Refused as error:
            sound = not isinstance(error, Unsound)
            raise
        finally:
            if sound and job.path.stat().st_size <= _KEPT_UP_TO:
                self._idle.append(process)
            else:
                await end(process)

    async def close(self) -> None:
        while self._idle:
            await end(self._idle.pop())

    async def _process(self) -> Process:
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                return process
            await end(process)
        return await started()


async def started() -> Process:
    """With what it takes to find its modules, and no secrets."""
    own = environment()
    given = {name: own[name] for name in _HANDED_ON if name in own}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "services.ingest.worker"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=given | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


async def end(process: Process) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    if process.returncode is None:
        process.kill()
    # What it had still to say is read first: a pipe that is full is never closed, and the process
    # not over until it is.
    await process.stdout.read()
    await process.wait()


async def exchange(process: Process, job: Job, size: Size, begun: Callable[[], None]) -> Read:
    """Raises Refused for what the process says of the file."""
    assert process.stdin is not None
    assert process.stdout is not None
    asked = asdict(job) | asdict(size) | {"path": str(job.path)}
    process.stdin.write(frames.packed(asked))
    await process.stdin.drain()
    told: dict[str, Any] = {}
    passages: list[NewPassage] = []
    while True:
        match await frames.receive(process.stdout):
            case {"reading": dict(told)}:
                begun()
            case {"passages": list(rows)}:
                passages += [NewPassage(*row) for row in rows]
            case {"error": str(message), "detail": detail}:
                _log.warning("reading failed: %s (%s)", message, detail)
                raise Unsound(message)
            case {"error": str(message), "status": int(status)}:
                raise Refused(message, status=status)
            case _:
                return Read(**told, passages=passages)
