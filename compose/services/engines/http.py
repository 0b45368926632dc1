"""The only outgoing HTTP. Its failures leave as ours; nothing of a socket's gets out."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
)
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from services.errors import (
    EngineAway,
    EngineError,
    EngineRefused,
    EngineSilent,
    Loop,
    ServiceError,
)
from services.grounding.sse import Events
from services.settings import Settings

HOP, REQUEST_ID, TRACE = "X-Rag-Hop", "X-Request-Id", "traceparent"
HOP_MARK = "rag-hop."
"""Begins the id of each request of ours: the adapter hands on the id and no other header."""
_LONGEST_REFUSAL = 2**16


@dataclass(frozen=True)
class Origin:
    """The request on whose behalf engines are asked."""

    request_id: str
    trace: str = ""

    def headers(self) -> dict[str, str]:
        own = {HOP: "1", REQUEST_ID: HOP_MARK + self.request_id}
        return own | {TRACE: self.trace} if self.trace else own


def origin_of(headers: Mapping[str, str]) -> Origin:
    """Of a request to us: the client's own id goes on, if it is fit for a header."""
    given = headers.get(REQUEST_ID, "").removeprefix(HOP_MARK)
    safe = given.isascii() and given.isprintable() and 0 < len(given) <= 100 and " " not in given
    return Origin(given if safe else secrets.token_hex(16), headers.get(TRACE, ""))


def refuse_hop(headers: Mapping[str, str]) -> None:
    """Raises Loop for a request that comes, by whatever way, from an answer of ours."""
    if headers.get(HOP) or headers.get(REQUEST_ID, "").startswith(HOP_MARK):
        raise Loop(
            "the pipeline was asked for its own answer: LLM_MODEL_ID must not lead back to it"
        )


@dataclass(frozen=True)
class Relayed:
    status: int
    content_type: str
    read: Callable[[], Awaitable[bytes]]
    """What has come; nothing at the end."""


class Http:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        key = self._settings.api_key
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=self._settings.connect_seconds, sock_read=None
            ),
            trust_env=False,
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, url: str) -> Any:
        return await self._whole("GET", url, None, {})

    async def post(self, url: str, body: Any, origin: Origin | None = None) -> Any:
        """The JSON of a 200 answer; any other is raised."""
        return await self._whole("POST", url, body, origin.headers() if origin else {})

    async def _whole(self, method: str, url: str, body: Any, headers: Mapping[str, str]) -> Any:
        async with await self._open(method, url, body, headers) as response:
            with told(url):
                async with asyncio.timeout(self._settings.idle_seconds):
                    data = await response.read()
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            raise EngineError(f"{url}: the answer is no JSON") from None

    async def passed(self, url: str, body: Any, origin: Origin) -> AsyncGenerator[bytes]:
        """The bytes of an answer as they come."""
        async with await self._open("POST", url, body, origin.headers()) as response:
            while piece := await self._read(url, response, self._settings.first_byte_seconds):
                yield piece

    @asynccontextmanager
    async def relayed(
        self, method: str, url: str, headers: Mapping[str, str], pieces: AsyncIterable[bytes] | None
    ) -> AsyncGenerator[Relayed]:
        """Another service's answer, whatever its status; the body goes there as it comes, however
        long that takes: the answer is waited for from its last piece on."""
        assert self._session is not None, "not opened"
        patience = self._settings.first_byte_seconds
        with told(url):
            async with asyncio.timeout(patience) as limit:
                data = pieces if pieces is None else prolonging(limit, patience, pieces)
                response = await self._session.request(
                    method, url, data=data, headers=headers, allow_redirects=False
                )
        async with response:

            async def read() -> bytes:
                return await self._read(url, response, patience)

            yield Relayed(response.status, response.headers.get("Content-Type", ""), read)

    async def events(self, url: str, body: Any, origin: Origin) -> AsyncGenerator[bytes]:
        """The payloads of an event stream up to [DONE]; comments do not keep it alive.

        Raises:
            EngineError: it ended without [DONE], or was silent for too long.
        """
        loop, reader = asyncio.get_running_loop(), Events()
        until = loop.time() + self._settings.first_byte_seconds
        async with await self._open("POST", url, body, origin.headers()) as response:
            if response.content_type == "application/json":
                raise EngineError(f"{url}: one object where a stream was asked for")
            while data := await self._read(url, response, until - loop.time()):
                payloads = reader.feed(data)
                for payload in payloads:
                    if payload == b"[DONE]":
                        return
                    yield payload
                if payloads:
                    until = loop.time() + self._settings.idle_seconds
        raise EngineError(f"{url}: the stream broke off")

    async def _open(
        self, method: str, url: str, body: Any, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        """An answer of status 200, which the caller closes; any other is raised."""
        assert self._session is not None, "not opened"
        data = None if body is None else orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        sent = {"Content-Type": "application/json", **headers} if data is not None else headers
        with told(url):
            async with asyncio.timeout(self._settings.first_byte_seconds):
                response = await self._session.request(
                    method, url, data=data, headers=sent, allow_redirects=False
                )
                if response.status == 200:
                    return response
                async with response:
                    refused = await response.content.read(_LONGEST_REFUSAL)
        raise refusal(response.status, refused, url)

    async def _read(self, url: str, response: aiohttp.ClientResponse, patience: float) -> bytes:
        """What has come; nothing at the end."""
        with told(url):
            async with asyncio.timeout(patience):
                return await response.content.readany()


async def prolonging(
    limit: asyncio.Timeout, patience: float, pieces: AsyncIterable[bytes]
) -> AsyncGenerator[bytes]:
    """The pieces; with each, as much time as there was at first."""
    loop = asyncio.get_running_loop()
    async for piece in pieces:
        if not limit.expired():
            limit.reschedule(loop.time() + patience)
        yield piece


@contextmanager
def told(url: str) -> Iterator[None]:
    """What goes wrong on a connection → our errors."""
    try:
        yield
    except TimeoutError:
        raise EngineSilent(f"{url}: no answer in time") from None
    except aiohttp.ClientConnectorError as error:
        raise EngineAway(f"{url}: can't be reached: {error.strerror or error}") from None
    except (aiohttp.ClientError, ConnectionError) as error:
        raise EngineError(f"{url}: the connection broke: {error}") from None


def refusal(status: int, body: bytes, url: str) -> ServiceError:
    try:
        text = error_text(orjson.loads(body))
    except orjson.JSONDecodeError:
        text = body.decode(errors="replace").strip() or f"status {status}"
    if status == 508:
        return Loop(text)
    if status in (502, 503):
        return EngineAway(text)
    if status == 504:
        return EngineSilent(text)
    if 400 <= status < 500:
        return EngineRefused(text, status=status)
    return EngineError(f"{url}: {text}")


def error_text(value: Any) -> str:
    """The message inside an error of OpenAI's, Ollama's or FastAPI's shape."""
    while isinstance(value, dict):
        inner = next((value[k] for k in ("error", "message", "detail") if value.get(k)), None)
        if inner is None:
            break
        value = inner
    return value if isinstance(value, str) else orjson.dumps(value).decode()
