from __future__ import annotations

import asyncio
import socket

import pytest

from adapter.upstream.addresses import Addresses

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 8000))]


class Names:
    """A name server that counts, and may be down."""

    def __init__(self) -> None:
        self.asked = 0
        self.down = False

    async def getaddrinfo(self, host: str, port: int, **_: object) -> list:
        self.asked += 1
        await asyncio.sleep(0.01)
        if self.down:
            raise socket.gaierror("down")
        return FOUND


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names()
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names.getaddrinfo)
    return names


async def test_all_who_wait_share_one_question(names: Names):
    addresses = Addresses("llm", 8000)
    assert await asyncio.gather(*(addresses.known() for _ in range(100))) == [FOUND] * 100
    assert await addresses.known() == FOUND
    assert names.asked == 1


async def test_what_is_forgotten_is_asked_again(names: Names):
    addresses = Addresses("llm", 8000)
    await addresses.known()
    addresses.forget()
    await addresses.known()
    assert names.asked == 2


async def test_it_is_kept_for_some_seconds_only(names: Names, monkeypatch: pytest.MonkeyPatch):
    addresses = Addresses("llm", 8000)
    await addresses.known()
    monkeypatch.setattr("adapter.upstream.addresses._KEPT_SECONDS", -1.0)
    addresses.forget()
    await addresses.known()
    await addresses.known()
    assert names.asked == 3


async def test_a_failure_is_told_to_all_and_not_kept(names: Names):
    addresses = Addresses("llm", 8000)
    names.down = True
    told = await asyncio.gather(*(addresses.known() for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in told] == [socket.gaierror] * 3
    names.down = False
    assert await addresses.known() == FOUND
    assert names.asked == 2


async def test_one_who_leaves_takes_nothing_from_the_others(names: Names):
    addresses = Addresses("llm", 8000)

    async def leaving() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await addresses.known()

    _, found = await asyncio.gather(leaving(), addresses.known())
    assert (found, names.asked) == (FOUND, 1)
