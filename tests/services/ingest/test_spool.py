from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator

import pytest
from services.errors import ServiceError, TooLarge
from services.ingest.spool import Spool, at


async def pieces(count: int, asked: list[int]) -> AsyncIterator[bytes]:
    for number in range(count):
        asked.append(number)
        yield b"x" * 2**16


async def test_files_lie_on_disk_until_the_request_is_over():
    with Spool() as spool:
        first = await spool.take("a", pieces(40, []), 2**30)
        second = await spool.take("b", pieces(0, []), 2**30)
        assert first.path != second.path
        data = first.path.read_bytes()
        assert data == b"x" * 40 * 2**16
        assert (first.size, first.digest) == (len(data), hashlib.sha256(data).hexdigest())
        assert first.digest == at(first.path).digest
        assert second.path.read_bytes() == b""
    assert not first.path.parent.exists()


async def test_what_is_too_large_is_not_kept_and_not_asked_for():
    asked: list[int] = []
    with Spool() as spool:
        with pytest.raises(TooLarge, match=r"^a: larger than 100000 bytes"):
            await spool.take("a", pieces(100, asked), 100_000)
        assert os.listdir(spool._folder.name) == []
    assert len(asked) == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")
async def test_a_full_disk_is_told():
    with Spool() as spool:
        # Linux's own: every write to it fails so.
        os.symlink("/dev/full", f"{spool._folder.name}/0")
        with pytest.raises(ServiceError, match=r"^a: it can't be kept.*No space left") as error:
            await spool.take("a", pieces(40, []), 2**30)
        assert error.value.status == 507
