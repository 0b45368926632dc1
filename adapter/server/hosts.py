"""Which names this server may be called by: a guard against DNS rebinding.

A web page whose name is made to mean 127.0.0.1 still sends its own name in the Host header.
Source: `server/routes.go:allowedHostsMiddleware`. A server that listens beyond loopback is not
guarded, there or here.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import socket

_LOCAL_SUFFIXES = (".localhost", ".local", ".internal")
_HOST = re.compile(r"\[([^\]]*)\](?::\d+)?|([^:]*)(?::\d+)?")


def is_loopback(listening: str) -> bool:
    """Whether an address to listen on is this machine's own."""
    address = _address(listening)
    return listening == "localhost" or (address is not None and address.is_loopback)


def is_name(header: str) -> bool:
    """Whether a Host header holds a name and no address."""
    host = _host_of(header)
    return bool(host) and _address(host) is None


def allow(header: str) -> bool:
    """Whether a Host header may stand in a request to a loopback listener."""
    if _is_near(header):
        return True
    host = _host_of(header)
    address = _address(host)
    if address is not None:
        return _is_of_this_machine(address)
    return host in ("", "localhost", socket.gethostname().lower()) or host.endswith(_LOCAL_SUFFIXES)


@functools.lru_cache(256)
def _is_near(header: str) -> bool:
    """Whether it holds an address that no page of the web has, whatever machine this is."""
    address = _address(_host_of(header))
    return address is not None and (
        address.is_loopback or address.is_private or address.is_unspecified
    )


def _host_of(header: str) -> str:
    match = _HOST.fullmatch(header)
    # What is no host with a port is an IPv6 address without brackets, or allowed by nothing.
    return (match[1] or match[2] or "").lower() if match else header.lower()


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_of_this_machine(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))  # fails for an address of no interface here
    except OSError:
        return False
    return True
