"""Which addresses a link may lead to: those of the public internet, unless private ones are
allowed. Else whoever may name a link could have this machine ask its neighbours."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from aiohttp.abc import AbstractResolver, ResolveResult

from services.errors import Refused

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""A name and a port → all addresses of the name; OSError if there are none."""
Allowed = Callable[[str], bool]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """An IPv6 address that stands for one of IPv4 is as public as that."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        within = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in _NAT64:
            within = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if within:
            return is_public(str(within))
        if ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


async def addresses_of(name: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in found))


class Guard(AbstractResolver):
    """Names → addresses that were checked. The connection goes to just these: nobody asks again
    what the name means."""

    def __init__(self, allowed: Allowed, lookup: Lookup) -> None:
        self._allowed = allowed
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises Refused unless all of the name's addresses are allowed."""
        addresses = await self._lookup(host, port)
        self._check(host, addresses)
        return [told(host, port, address) for address in addresses]

    def check_literal(self, host: str) -> None:
        """For an address that stands in a link itself, which nobody is asked to resolve.

        Raises:
            Refused: it isn't allowed.
        """
        try:
            address = str(ipaddress.ip_address(host.partition("%")[0]))
        except ValueError:
            return
        self._check(host, [address])

    def _check(self, host: str, addresses: Sequence[str]) -> None:
        if not all(self._allowed(address) for address in addresses):
            raise Refused(f"{host} is not on the public internet: links to it are not followed")

    async def close(self) -> None:
        """Nothing is held."""


def told(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=family,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
