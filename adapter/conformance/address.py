"""The address of the server under test: what may be left out of it, and what is never printed."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 11434


class Unusable(Exception):
    """The arguments make no sense, or the server can't be reached."""


def checked_url(text: str, allow_remote: bool) -> str:
    """A base URL, with the name and password that it came with. Raises Unusable.

    What may be left out is what OLLAMA_HOST leaves out: `http://`, the host before a port, and
    where there is no scheme, port 11434. Source: `envconfig/config.go:Host`.
    """
    try:
        url = _split(text)
        known = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        known = False
    if not known or url.query or url.fragment:
        raise Unusable(f"{public(text)} is no address of a server")
    if not allow_remote and not is_loopback(url.geturl()):
        raise Unusable(f"{public(text)} is not this machine; --allow-remote if that is meant")
    return url.geturl().rstrip("/")


def _split(text: str) -> SplitResult:
    """Raises ValueError."""
    if "://" not in text:
        authority, slash, path = text.partition("/")
        text = f"http://{_with_port(authority)}{slash}{path}"
    url = urlsplit(text)
    login, at, place = url.netloc.rpartition("@")
    if place.startswith(":") and url.port is not None:
        url = url._replace(netloc=f"{login}{at}{DEFAULT_HOST}{place}")
    return url


def _with_port(authority: str) -> str:
    """Raises ValueError."""
    if _is_bare_ipv6(authority):
        authority = f"[{authority}]"
    authority = authority.removesuffix(":")
    return authority if urlsplit(f"//{authority}").port else f"{authority}:{DEFAULT_PORT}"


def _is_bare_ipv6(text: str) -> bool:
    try:
        return ip_address(text).version == 6
    except ValueError:
        return False


def public(text: str) -> str:
    """Without name and password, whatever shape the rest is in."""
    scheme = next((known for known in ("http://", "https://") if text.startswith(known)), "")
    return scheme + text.rpartition("@")[2].removeprefix(scheme)


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
