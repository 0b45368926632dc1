"""How PostgreSQL is come by; what it does there is in test_store.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from services.errors import ConfigError, NotYet
from services.store.postgres import PostgresStore

from tests.support import machine


async def test_a_password_from_a_file_is_used(postgres: str, tmp_path: Path):
    """The server of the tests trusts everybody: what is seen is that the address still works."""
    (tmp_path / "password").write_text("a-secret\n")
    mark = "&" if "?" in postgres else "?"
    store = PostgresStore(f"{postgres}{mark}password_file={tmp_path}/password")
    await store.open()
    try:
        assert await store.index("none") is None
    finally:
        await store.close()


async def test_a_password_file_that_is_not_there_is_named(tmp_path: Path):
    store = PostgresStore(f"postgresql://u@127.0.0.1/d?password_file={tmp_path}/none")
    with pytest.raises(ConfigError, match=r"^STORE_URL: password_file: .*none"):
        await store.open()


async def test_a_server_that_is_not_there_may_come(postgres: str):
    store = PostgresStore(f"postgresql://u@127.0.0.1:{machine.free_port()}/d")
    with pytest.raises(NotYet, match=r"^STORE_URL: the database can't be reached: "):
        await store.open()
