"""Which web pages may ask, and by which names: a browser sends what any page of the web wants.

The rule is the adapter's and Ollama's. A page may ask where it came from; a page on this machine
may ask, whatever its port; others by RAG_ORIGINS, where `*` is everybody, as OPEA has it. Without
the rule any page that a user visits could read, add and delete documents in the user's name. And a
page whose name is made to mean 127.0.0.1 still sends its own name: a server that listens on
loopback answers to names of this machine, and to those in RAG_ORIGINS, which a proxy before it may
have. Clients that are no browsers send no Origin.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp import web

from services.errors import Refused

ANY = "*"
_NEAR_SUFFIXES = (".localhost", ".local", ".internal")
_HOST = re.compile(r"\[([^\]]*)\](?::\d+)?|([^:]*)(?::\d+)?")
ALLOWED: web.RequestKey[str] = web.RequestKey("allowed_origin", str)
"""The foreign origin that may read the answer."""


class Guard:
    """`listening`: the address of this server; `added`: origins beside those of this machine."""

    def __init__(self, listening: str, added: Iterable[str] = ()) -> None:
        self._loopback = listening == "localhost" or is_loopback(listening.strip("[]"))
        self._added = {origin.strip().rstrip("/").lower() for origin in added if origin.strip()}
        self._names = {name_of(origin) for origin in self._added}

    def allows(self, origin: str) -> bool:
        """Whether a page of another origin may ask."""
        return bool(self._added & {ANY, origin.lower()}) or is_near(origin)

    def knows(self, host: str) -> bool:
        """Whether a request with this Host header may be meant for this server."""
        if not self._loopback or ANY in self._added:
            return True
        name = host_of(host)
        if "." not in name and ":" not in name:
            return True  # another container's, or this network's: no page of the web has one
        own = {socket.gethostname().lower()} | self._names
        return name in own or name.endswith(_NEAR_SUFFIXES) or address_of(name) is not None

    def judged(self, request: web.Request) -> str:
        """The foreign origin of a request that may be answered; empty if it has none.

        Raises:
            Refused: it may not.
        """
        origin, host = request.headers.get("Origin", ""), request.headers.get("Host", "")
        if not self.knows(host):
            raise Refused(f"{host} is no name of this server: see RAG_ORIGINS", status=403)
        if not origin or origin in (f"http://{host}", f"https://{host}"):
            return ""
        if not self.allows(origin):
            raise Refused(f"pages of {origin} may not ask here: see RAG_ORIGINS", status=403)
        return origin


def is_near(origin: str) -> bool:
    """Whether a page was served by this machine, from whatever port."""
    name = name_of(origin)
    return origin.startswith(("http://", "https://")) and (name == "localhost" or is_loopback(name))


def name_of(origin: str) -> str:
    """The name or address in it; empty if there is none."""
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    address = address_of(name)
    return address is not None and address.is_loopback


def host_of(header: str) -> str:
    match = _HOST.fullmatch(header)
    return (match[1] or match[2] or "").lower() if match else header.lower()


def address_of(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
