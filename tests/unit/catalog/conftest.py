from __future__ import annotations

from pathlib import Path

import pytest

from adapter.catalog.state import AliasStore


@pytest.fixture
async def store(tmp_path: Path):
    store = AliasStore(str(tmp_path / "deep" / "state"))
    yield store
    await store.close()


@pytest.fixture
async def other(store: AliasStore):
    """The store of another process."""
    other = AliasStore(str(store.folder))
    yield other
    await other.close()
