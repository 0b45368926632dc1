"""The suite's HTTP client: a fresh connection for each request, nothing followed or unpacked."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson
from yarl import URL

from adapter.conformance.reply import Reply

SET_BY_THE_CLIENT = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
LONGEST_HEADER = 64 * 1024


class NoAnswer(Exception):
    """No answer came, or not all of it in time. Its text says what happened."""


class Wire:
    """Asks one server. An answer takes at most `limit` seconds, from connect to last byte."""

    def __init__(self, base: str, limit: float) -> None:
        url = URL(base.rstrip("/"))
        self.base = str(url.with_user(None)).rstrip("/")
        self._login = _login(url)
        self.limit = limit
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=limit),
            auto_decompress=False,
            skip_auto_headers=SET_BY_THE_CLIENT,
            max_field_size=LONGEST_HEADER,
        )

    async def __aenter__(self) -> Wire:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, path: str) -> Reply:
        return await self.ask({"method": "GET", "path": path})

    async def post(self, path: str, body: Any, method: str = "POST") -> Reply:
        return await self.ask({"method": method, "path": path, "body": body})

    async def ask(self, request: Mapping[str, Any]) -> Reply:
        """`request` as a statement has it. Raises NoAnswer."""
        payload = payload_of(request)
        try:
            async with self._session.request(
                request["method"],
                URL(self.base + request["path"], encoded=True),
                data=payload,
                headers=self._login | headers_of(request, payload),
                allow_redirects=False,
            ) as response:
                return await _read(response)
        except TimeoutError as error:
            raise NoAnswer(f"no complete answer within {self.limit:g} s") from error
        except aiohttp.ClientError as error:
            raise NoAnswer(f"no answer: {str(error) or type(error).__name__}") from error


def payload_of(request: Mapping[str, Any]) -> bytes | None:
    if "raw_body" in request:
        return str(request["raw_body"]).encode()
    return None if request.get("body") is None else orjson.dumps(request["body"])


def headers_of(request: Mapping[str, Any], payload: bytes | None) -> dict[str, str]:
    """A body is JSON unless the request says otherwise; a header that is null is left out."""
    standard = {} if payload is None else {"Content-Type": "application/json"}
    wanted: dict[str, str | None] = standard | request.get("headers", {})
    return {name: value for name, value in wanted.items() if value is not None}


def _login(url: URL) -> dict[str, str]:
    """A header instead of aiohttp's own: that refuses a request which brings its own."""
    if url.user is None:
        return {}
    pair = f"{url.user}:{url.password or ''}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


async def _read(response: aiohttp.ClientResponse) -> Reply:
    headers = {name.lower(): ", ".join(response.headers.getall(name)) for name in response.headers}
    chunks: list[bytes] = []
    part, ended = b"", True
    try:
        # Not iter_chunks(): it never ends where there is no body, as after HEAD (aiohttp 3.14).
        while not response.content.at_eof():
            data, ends_a_chunk = await response.content.readchunk()
            part += data
            # The chunk of no bytes that ends a body is one too, if it comes by itself.
            if ends_a_chunk and part:
                chunks.append(part)
                part = b""
    except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError):
        ended = False
    return Reply(response.status, headers, [*chunks, part] if part else chunks, ended)
