"""One engine: its address and the requests to it."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
from yarl import URL

from adapter.errors import AdapterError, UpstreamBroken, UpstreamError
from adapter.settings import UpstreamSettings
from adapter.translate.refusals import PROMPT_TOO_LONG, refusal
from adapter.translate.served import TASK_ROUTES, read_served
from adapter.upstream.abilities import Abilities
from adapter.upstream.faults import border
from adapter.upstream.form import Form
from adapter.upstream.retry import with_retries
from adapter.upstream.stream import EngineStream
from adapter.wire.openai import MODELS_PATH, ServedModel

PROBE_SECONDS = 5.0
_ERROR_LIMIT = 2**20  # bytes of a refusal that are read
_LARGE_BODY = 2**20
_KEEP_ALIVE_SECONDS = 4.0
"""Shorter than uvicorn's five, which vLLM has: a connection is not used while it is closed."""
_JSON = "application/json"
_ABILITY_HEADERS = {"X-Request-Id": "adapter-abilities"}
"""So that an engine's log tells who asked for a single token."""


def open_session() -> aiohttp.ClientSession:
    """The session of a process: unbounded connections, no cookies, times watched by us."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "ollama-vllm-adapter"},
    )


class Upstream:
    """Requests to one engine. All methods raise UpstreamError and nothing of aiohttp's."""

    def __init__(
        self,
        settings: UpstreamSettings,
        session: aiohttp.ClientSession,
        retries: int = 0,
        settled: Collection[str] = (),
    ) -> None:
        """`settled` are served names whose capabilities need not be found out."""
        self.name = settings.name
        self._settings = settings
        self._session = session
        self._retries = retries
        self._listed: list[tuple[str, str]] = []
        self._routes: list[str] = []
        self._settled = frozenset(settled)
        self._abilities: dict[str, Abilities] = {}
        self.news: Callable[[], None] = lambda: None
        """Called when the list of models would say more than the last one did."""
        versioned = settings.url if re.search(r"/v\d+$", settings.url) else settings.url + "/v1"
        self._root = URL(versioned + "/")
        self._headers = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
        connect = settings.timeouts.connect
        self._connecting = aiohttp.ClientTimeout(total=None, sock_connect=connect)
        self._probing = aiohttp.ClientTimeout(total=PROBE_SECONDS, sock_connect=connect)
        self._answering = aiohttp.ClientTimeout(
            total=settings.timeouts.first_byte, sock_connect=connect
        )

    async def models(self) -> list[ServedModel]:
        """What the engine serves now, and what can be asked of each."""
        try:
            with border(self.name):
                async with self._get(MODELS_PATH) as response:
                    body = await response.read()
                if response.status != 200:
                    raise refusal(response.status, body)
                # Asked for only when the list is new: each leaves a line in the engine's log.
                listed = [(row.id, row.root) for row in read_served(body, ())]
                if listed != self._listed:
                    self._routes = await self._find_routes()
                    self._listed = listed
        except UpstreamError:
            self.forget()  # it may come back as another
            raise
        rows = read_served(body, self._routes)
        roots = {row.id: row.root for row in rows}
        # At once: an engine that is too busy to tell may keep a list waiting only so long.
        return await asyncio.gather(*(self._able(row, roots) for row in rows))

    async def _able(self, row: ServedModel, roots: Mapping[str, str]) -> ServedModel:
        """The row with what its chat can do."""
        if "completion" not in row.capabilities or row.id in self._settled:
            return row
        if self._settings.kind != "vllm":
            # Nothing is known of other servers' refusals, so tools are left to them to refuse.
            return replace(row, capabilities=row.capabilities | {"tools"})
        model = roots.get(row.parent) or row.parent or row.root or row.id
        if model not in self._abilities:
            self._abilities[model] = Abilities(row.id, self._ask_ability, lambda: self.news())
        found = await self._abilities[model].known()
        return replace(row, capabilities=row.capabilities | found)

    async def _ask_ability(self, path: str, body: Mapping[str, Any]) -> bytes:
        return await self.post_json(path, body, _ABILITY_HEADERS, too_long=PROMPT_TOO_LONG)

    def forget(self) -> None:
        """Forgets what the engine's models can do, and ends the asking."""
        for abilities in self._abilities.values():
            abilities.forget()
        self._abilities.clear()

    async def _find_routes(self) -> list[str]:
        """Asked with the wrong method, a route that exists says 405, and one that doesn't 404."""
        found = []
        for path in TASK_ROUTES:
            async with self._get(path) as response:
                if response.status >= 500:
                    raise refusal(response.status, await response.read())
                if response.status != 404:
                    found.append(path)
        return found

    async def post_json(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str], *, too_long: str
    ) -> bytes:
        """The body of a 200 answer; any other is raised, `too_long` for an input over length."""

        async def attempt() -> bytes:
            with border(self.name):
                async with self._post(path, body, headers, self._answering) as response:
                    answer = await response.read()
                    if response.status != 200:
                        raise refusal(response.status, answer, too_long=too_long)
                    return answer

        return await with_retries(attempt, self._retries)

    async def open_stream(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> EngineStream:
        """An open event stream, which the caller closes; a refusal is raised."""

        async def attempt() -> EngineStream:
            with border(self.name):
                return await self._open(path, body, headers)

        return await with_retries(attempt, self._retries)

    async def open_answer(
        self, path: str, body: Mapping[str, Any] | Form, headers: Mapping[str, str]
    ) -> EngineStream:
        """An open answer, be it events or one object; the caller closes it. A refusal is raised."""

        async def attempt() -> EngineStream:
            with border(self.name):
                return await self._open(path, body, headers, whole=True)

        return await with_retries(attempt, self._retries)

    async def _open(
        self,
        path: str,
        body: Mapping[str, Any] | Form,
        headers: Mapping[str, str],
        *,
        whole: bool = False,
    ) -> EngineStream:
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(self._settings.timeouts.first_byte):
            response = await self._post(path, body, headers, self._connecting)
            if response.status != 200 or (response.content_type == _JSON and not whole):
                async with response:
                    answer = await _beginning(response)
                raise _no_stream(response.status, answer)
        return EngineStream(response, self._settings.timeouts, self.name, began)

    def _get(self, path: str) -> aiohttp.client._RequestContextManager:
        url = self._root.join(URL(path))
        return self._session.get(
            url, headers=self._headers, timeout=self._probing, allow_redirects=False
        )

    def _post(
        self,
        path: str,
        body: Mapping[str, Any] | Form,
        headers: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.client._RequestContextManager:
        is_form = isinstance(body, Form)  # whose boundary aiohttp puts in the header
        return self._session.post(
            self._root.join(URL(path)),
            data=body.payload() if isinstance(body, Form) else _payload(orjson.dumps(body)),
            headers={**({} if is_form else {"Content-Type": _JSON}), **self._headers, **headers},
            timeout=timeout,
            # A POST would become a GET, or the prompt go where nobody configured it to.
            allow_redirects=False,
        )


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """The body, or as much of it as an error may take."""
    parts: list[bytes] = []
    while sum(map(len, parts)) < _ERROR_LIMIT and (part := await response.content.readany()):
        parts.append(part)
    return b"".join(parts)


def _no_stream(status: int, answer: bytes) -> AdapterError:
    if status != 200:
        return refusal(status, answer, too_long=PROMPT_TOO_LONG)
    return UpstreamBroken("the engine sent one object where a stream was asked for")


def _payload(body: bytes) -> bytes | io.BytesIO:
    # aiohttp sends a large body in pieces if it is a file, and warns if it is not.
    return body if len(body) <= _LARGE_BODY else io.BytesIO(body)
