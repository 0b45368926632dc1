"""The state store: aliases in one SQLite file, which several processes and adapters may share.

The file is made with the first alias. Without it, or where it can't be read, there are no aliases;
nothing else of the adapter depends on it, and nothing here ever deletes it. Its schema is numbered
(`PRAGMA user_version`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import orjson

from adapter.catalog import names, switch
from adapter.errors import StateFault
from adapter.observe.logs import events
from adapter.translate.definition import Definition, fingerprint
from adapter.wire.ollama import Message

T = TypeVar("T")
Signs = tuple[int, ...]
"""What differs after any change of the file; () where there is none."""

FILE = "state.sqlite"
LORAS = "loras"
"""The folder of adapters' folders, each called as the engine calls the adapter."""
SCHEMA = 1
FRESH_SECONDS = 0.005
BUSY_SECONDS = 5.0
"""For how long a process waits for another's write."""

_TABLE = """CREATE TABLE IF NOT EXISTS aliases (
    key TEXT PRIMARY KEY, name TEXT NOT NULL, base TEXT NOT NULL, system TEXT NOT NULL,
    template TEXT NOT NULL, messages TEXT NOT NULL, options TEXT NOT NULL, license TEXT NOT NULL,
    lora TEXT NOT NULL, created_at TEXT NOT NULL
) WITHOUT ROWID"""
_COLUMNS = "name, base, system, template, messages, options, license, lora, created_at"


@dataclass(frozen=True, slots=True)
class Alias:
    """A name that clients gave to a definition. `created_at` is RFC 3339."""

    name: names.Name
    definition: Definition
    created_at: str
    fingerprint: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        # Here, so that it is done in the thread that reads them all, not with every catalog.
        object.__setattr__(self, "fingerprint", fingerprint(self.definition))


class AliasStore:
    """The aliases of a state folder; "" is no folder, and has none.

    Looking whether they are still the same takes microseconds and may be done on the event loop;
    everything else is done in a thread.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder).absolute() if folder else None
        self._path = f"{self.folder}/{FILE}" if self.folder else ""
        self.aliases: tuple[Alias, ...] = ()
        """As last read."""
        self.fault = ""
        """Why they can't be read, or ""."""
        self.rolled_back_to = ""
        """The upstream to which everything is rolled back, or ""."""
        self._reader: sqlite3.Connection | None = None
        self._opened = 0
        """How often; versions that two connections tell can't be compared."""
        self._seen: Signs = ()
        self._looked_at = 0.0
        self._reading = asyncio.Lock()
        # The connection is used by one thread at a time, and a request that is cancelled leaves
        # its thread at work.
        self._one_thread = threading.Lock()

    async def refresh(self) -> None:
        """Reads `aliases` again if this or another process has changed them.

        What was looked at a moment ago is not looked at again: whoever writes waits as long before
        it says so, and by then everybody looks.
        """
        now = time.perf_counter()
        if now - self._looked_at < FRESH_SECONDS:
            return
        if not self._is_current():
            async with self._reading:
                await asyncio.to_thread(self._read)
        self._looked_at = now

    def _is_current(self) -> bool:
        if not self._one_thread.acquire(blocking=False):
            return False
        try:
            return self._signs() == self._seen
        finally:
            self._one_thread.release()

    def _signs(self) -> Signs | None:
        """None if it can't be told right now.

        A file that could not be read is looked at again when it is another or has been written.
        """
        try:
            found = os.stat(self._path)
        except OSError:
            return ()
        if self._reader is None:
            return (found.st_ino, found.st_size, found.st_mtime_ns)
        try:
            version = self._reader.execute("PRAGMA data_version").fetchone()[0]
            return (found.st_ino, self._opened, version)
        except sqlite3.Error:
            return None

    def _read(self) -> None:
        with self._one_thread:
            signs = self._signs()
            if signs is not None and signs == self._seen:
                return
            self._close_reader()
            seen, fault = self._signs() or (), ""
            aliases: tuple[Alias, ...] = ()
            rolled_back_to = ""
            try:
                if seen:
                    seen, aliases, rolled_back_to = self._open_and_read()
            except (sqlite3.Error, StateFault) as error:
                fault = _reason(error)
            except (ValueError, TypeError):
                fault = "a row in it is none of ours"
            if fault:
                self._close_reader()
                rolled_back_to = self.rolled_back_to  # nobody has said that it is over
                if fault != self.fault:
                    events.error("no aliases: %s can't be used: %s", self._file, fault)
            self._note_switch(rolled_back_to)
            # The signs last: who finds them unchanged takes the aliases for read.
            self.aliases, self.fault, self._seen = aliases, fault, seen

    def _note_switch(self, to: str) -> None:
        before, self.rolled_back_to = self.rolled_back_to, to
        if to != before:
            events.warning(
                "rolled back to upstream=%s" if to else "resumed after upstream=%s", to or before
            )

    def _open_and_read(self) -> tuple[Signs, tuple[Alias, ...], str]:
        # Not read-only: what a process left half written when it died has to be rolled back.
        self._opened += 1
        self._reader = _connect(f"{self._file.as_uri()}?mode=rw")
        version = _check_schema(self._reader)
        # Before the rows: what changes between the two is read twice rather than never.
        seen = self._signs() or ()
        select = f"SELECT {_COLUMNS} FROM aliases ORDER BY created_at"
        rows = self._reader.execute(select).fetchall() if version else []
        rolled_back_to = switch.read(self._reader)
        # From now on it is asked on the event loop, where nobody waits.
        self._reader.execute("PRAGMA busy_timeout = 0")
        return seen, tuple(map(_alias, rows)), rolled_back_to

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with self._one_thread:
            self._close_reader()

    async def put(self, alias: Alias) -> None:
        """Keeps an alias in the place of one of the same name.

        Raises:
            StateFault: it can't be kept.
        """
        marks = ", ".join("?" * (_COLUMNS.count(",") + 2))
        statement = f"INSERT OR REPLACE INTO aliases (key, {_COLUMNS}) VALUES ({marks})"
        row = (alias.name.key, *_row(alias))
        await self._write(lambda connection: connection.execute(statement, row).rowcount)

    async def delete(self, name: names.Name) -> bool:
        """Forgets an alias; whether there was one.

        Raises:
            StateFault: it can't be forgotten.
        """
        statement = "DELETE FROM aliases WHERE key = ?"
        return bool(await self._write(lambda c: c.execute(statement, (name.key,)).rowcount))

    async def roll_back(self, to: str) -> None:
        """Has every process send what it can to one upstream; "": no longer.

        Raises:
            StateFault: it can't be kept.
        """
        await self._write(lambda connection: switch.write(connection, to))

    async def _write(self, act: Callable[[sqlite3.Connection], T]) -> T:
        result = await asyncio.to_thread(self._written, act)
        await asyncio.sleep(2 * FRESH_SECONDS)
        await self.refresh()
        return result

    def _written(self, act: Callable[[sqlite3.Connection], T]) -> T:
        folder = self.require_folder()
        with self._faults():
            folder.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(_connect(f"{self._file.as_uri()}?mode=rwc")) as connection:
                # IMMEDIATE: the lock comes first, so nothing read before it can be out of date.
                connection.execute("BEGIN IMMEDIATE")
                with connection:
                    _make_schema(connection)
                    return act(connection)

    def require_folder(self) -> Path:
        """The folder for whatever is kept.

        Raises:
            StateFault: there is none.
        """
        if self.folder is None:
            raise StateFault("aliases need a folder to be kept in: set ADAPTER_STATE_DIR")
        return self.folder

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        """Says what is wrong with the folder or its file, and what to do."""
        try:
            yield
        except (OSError, sqlite3.Error, StateFault) as error:
            raise unusable(self.folder, _reason(error)) from error

    @property
    def _file(self) -> Path:
        return self.require_folder() / FILE


def unusable(folder: Path | None, reason: str) -> StateFault:
    """The error for a state folder that can't be used."""
    return StateFault(
        f"the state folder {folder} can't be used: {reason}; ADAPTER_STATE_DIR names another"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return error.message if isinstance(error, StateFault) else str(error)


def _connect(uri: str) -> sqlite3.Connection:
    # Used by several threads, one at a time.
    return sqlite3.connect(
        uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )


def _check_schema(connection: sqlite3.Connection) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA:
        raise StateFault(
            f"{FILE} was written by a newer version of the adapter "
            f"(its schema is {version}, this version knows {SCHEMA})"
        )
    return version


def _make_schema(connection: sqlite3.Connection) -> None:
    if _check_schema(connection) < SCHEMA:
        connection.execute(_TABLE)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")


def _row(alias: Alias) -> tuple[str, ...]:
    own = alias.definition
    messages = [turn.model_dump() for turn in own.messages]
    as_json = [orjson.dumps(part).decode() for part in (messages, own.options, own.license)]
    return (
        *(alias.name.display, own.base, own.system, own.template),
        *(*as_json, own.lora, alias.created_at),
    )


def _alias(row: tuple[str, ...]) -> Alias:
    name, base, system, template, messages, options, license_texts, lora, created_at = row
    parsed = names.parse(name)
    if parsed is None:
        raise ValueError(name)
    definition = Definition(
        base=base,
        system=system,
        template=template,
        messages=tuple(Message.model_validate(turn) for turn in orjson.loads(messages)),
        options=orjson.loads(options),
        license=tuple(orjson.loads(license_texts)),
        lora=lora,
    )
    return Alias(parsed, definition, created_at)
