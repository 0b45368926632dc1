"""Which web pages may ask: CORS as Ollama has it, but for ports, which are numbers here.

Source: gin-contrib/cors as `server/routes.go:GenerateRoutes` sets it up, measured. The original
takes `http://localhost:evil.com` for a port of localhost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

ANY = "*"
_HOSTS = ("localhost", "127.0.0.1", "0.0.0.0")
_SCHEMES = ("app", "file", "tauri", "vscode-webview", "vscode-file")
DEFAULTS = (
    *(f"{scheme}://{host}" for host in _HOSTS for scheme in ("http", "https")),
    *(f"{scheme}://{host}:*" for host in _HOSTS for scheme in ("http", "https")),
    *(f"{scheme}://*" for scheme in _SCHEMES),
)

_STAINLESS = (
    *("Arch", "Async", "Custom-Poll-Interval", "Helper-Method", "Lang", "Os", "Package-Version"),
    *("Poll-Helper", "Retry-Count", "Runtime", "Runtime-Version", "Timeout"),
)
_ALLOW_HEADERS = (
    *("Authorization", "Content-Type", "User-Agent", "Accept", "X-Requested-With", "Openai-Beta"),
    *(f"X-Stainless-{name}" for name in _STAINLESS),
)
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS",
    "Access-Control-Allow-Headers": ",".join(_ALLOW_HEADERS),
    "Access-Control-Max-Age": "43200",
}
_PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


class Origins:
    """The allow-list: Ollama's own, and before it what the operator adds; `*` is everybody."""

    def __init__(self, added: Iterable[str] = ()) -> None:
        entries = (*added, *DEFAULTS)
        self._any = ANY in entries
        self._pattern = re.compile("|".join(map(_pattern, entries)), re.IGNORECASE)

    def allow(self, origin: str) -> bool:
        return self._any or self._pattern.fullmatch(origin) is not None

    def headers(self, origin: str, *, preflight: bool = False) -> dict[str, str]:
        """What an allowed origin is told."""
        allowed = {"Access-Control-Allow-Origin": ANY if self._any else origin}
        if preflight:
            allowed |= _PREFLIGHT
        if not self._any:
            allowed["Vary"] = _PREFLIGHT_VARY if preflight else "Origin"
        return allowed


def is_same(origin: str, host: str) -> bool:
    """Whether a page was served from this very host and port."""
    return origin in (f"http://{host}", f"https://{host}")


def _pattern(entry: str) -> str:
    if entry.endswith(":*"):
        return re.escape(entry[:-1]) + r"\d+"
    return ".*".join(map(re.escape, entry.split("*")))
