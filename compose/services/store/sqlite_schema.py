"""Tables, and a connection to them.

Each index has full-text tables of its own (`words_N`): the statistics of BM25 are then those of
the index, and a rare word of one index is not made common by another. They hold words only; the
text is in `passages`.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

VERSION = 1
BUSY_SECONDS = 300.0
"""For who writes while another process does: a large document takes half a minute."""
PIECES = 16
"""Of about one size, so many of an index's words are merged into one."""

TABLES = """
CREATE TABLE indexes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    model TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    query_prefix TEXT NOT NULL,
    passage_prefix TEXT NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    index_id INTEGER NOT NULL REFERENCES indexes ON DELETE CASCADE,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    passages INTEGER NOT NULL,
    added TEXT NOT NULL,
    UNIQUE (index_id, name)
);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    index_id INTEGER NOT NULL REFERENCES indexes ON DELETE CASCADE,
    document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    position INTEGER NOT NULL,
    key TEXT NOT NULL,
    header TEXT NOT NULL,
    text TEXT NOT NULL,
    metadata TEXT NOT NULL,
    vector BLOB NOT NULL
);
CREATE INDEX passages_of_document ON passages (document_id);
CREATE INDEX passages_of_index ON passages (index_id, document_id);
CREATE INDEX passages_by_key ON passages (index_id, key);
"""


def connect(file: str) -> sqlite3.Connection:
    """Without Python's own transactions; closed by another thread than its own."""
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(file, BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA synchronous = NORMAL")
    return db


def prepare(db: sqlite3.Connection) -> None:
    """Makes the tables, if they are not there.

    Raises:
        sqlite3.DatabaseError: they are of a later version, or the file is something else.
    """
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("BEGIN IMMEDIATE")
    try:
        [version] = db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in TABLES.split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {VERSION}")
        elif version != VERSION:
            raise sqlite3.DatabaseError(f"made by another version ({version}, not {VERSION})")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def make_words(db: sqlite3.Connection, number: int) -> None:
    db.execute(
        f"CREATE VIRTUAL TABLE words_{number} USING fts5(body, content='', "
        "tokenize='porter unicode61 remove_diacritics 2')"
    )
    # A document's words are a piece of their own, merged with others later: FTS5's own number, 4,
    # makes storing a fifth slower, and a search looks through a few dozen pieces at most as it is.
    db.execute(f"INSERT INTO words_{number} (words_{number}, rank) VALUES ('automerge', {PIECES})")
