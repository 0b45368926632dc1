"""The switch in the state file: to which upstream everything is rolled back, if it is.

A table beside the numbered schema: an adapter that knows nothing of it can go on with the file.
"""

from __future__ import annotations

import sqlite3

_TABLE = """CREATE TABLE IF NOT EXISTS switches (
    name TEXT PRIMARY KEY, value TEXT NOT NULL
) WITHOUT ROWID"""
_NAME = "rollback"


def read(connection: sqlite3.Connection) -> str:
    """The upstream, or "". Raises sqlite3.Error."""
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'switches'"
    if connection.execute(tables).fetchone() is None:
        return ""
    select = "SELECT value FROM switches WHERE name = ?"
    row = connection.execute(select, (_NAME,)).fetchone()
    return str(row[0]) if row else ""


def write(connection: sqlite3.Connection, upstream: str) -> None:
    """Notes the upstream; "": none any more. Raises sqlite3.Error."""
    connection.execute(_TABLE)
    statement = "INSERT OR REPLACE INTO switches (name, value) VALUES (?, ?)"
    connection.execute(statement, (_NAME, upstream))
