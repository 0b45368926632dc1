from __future__ import annotations

import socket
from collections.abc import Sequence

import pytest
from services.errors import Refused
from services.ingest.addresses import Guard, addresses_of, is_public


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_public(address: str):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("0.0.0.0", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
        *("255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1"),
        *("ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:a00:1", "::127.0.0.1"),
        *("64:ff9b::10.0.0.1", "64:ff9b:1::1", "2002:7f00:1::", "2002:c0a8:101::1"),
        "2001:0:808:808::f5ff:fffe",
    ],
)
def test_not_public(address: str):
    assert not is_public(address)


def guard(*addresses: str) -> Guard:
    async def lookup(name: str, port: int) -> Sequence[str]:
        return addresses

    return Guard(is_public, lookup)


async def test_names_become_the_addresses_that_were_checked():
    [first, second] = await guard("8.8.8.8", "2606:4700::1111").resolve("a.example", 443)
    assert (first["host"], first["port"], first["family"]) == ("8.8.8.8", 443, socket.AF_INET)
    assert (second["host"], second["family"]) == ("2606:4700::1111", socket.AF_INET6)
    assert first["hostname"] == "a.example"


async def test_one_private_address_among_many_refuses_the_name():
    with pytest.raises(Refused, match=r"^a.example is not on the public internet"):
        await guard("8.8.8.8", "10.0.0.1").resolve("a.example", 80)


def test_an_address_is_not_looked_up():
    for host in ("8.8.8.8", "a.example", "127.1", ""):
        guard().check_literal(host)
    for address in ("127.0.0.1", "::1", "fe80::1%eth0"):
        with pytest.raises(Refused, match="not on the public internet"):
            guard().check_literal(address)


async def test_the_systems_own_lookup():
    assert "127.0.0.1" in await addresses_of("localhost", 80)
    # Ways to write an address that are none by the book.
    for name in ("127.1", "0x7f.1", "2130706433"):
        assert await addresses_of(name, 80) == ["127.0.0.1"]
