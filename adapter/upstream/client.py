"""One engine: its address and the requests to it."""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from yarl import URL

from adapter.errors import UpstreamBroken, UpstreamError
from adapter.settings import UpstreamSettings
from adapter.translate.refusals import PROMPT_TOO_LONG, refusal
from adapter.translate.served import TASK_ROUTES, read_served
from adapter.upstream.abilities import Abilities
from adapter.upstream.answer import Answer
from adapter.upstream.encoding import encoded
from adapter.upstream.form import Form
from adapter.upstream.pool import Pool
from adapter.upstream.retry import with_retries
from adapter.wire.openai import MODELS_PATH, ServedModel
from adapter.wire.v1 import RERANK_PATH

PROBE_SECONDS = 5.0
_ERROR_LIMIT = 2**20  # bytes of a refusal that are read
_JSON = "application/json"
_ABILITY_HEADERS = {"X-Request-Id": "adapter-abilities"}
"""So that an engine's log tells who asked for a single token."""


class Upstream:
    """Requests to one engine. All methods raise UpstreamError, and nothing of a socket's."""

    def __init__(
        self,
        settings: UpstreamSettings,
        retries: int = 0,
        settled: Collection[str] = (),
    ) -> None:
        """`settled` are served names whose capabilities need not be found out."""
        self.name = settings.name
        self._settings = settings
        self._retries = retries
        self._listed: list[tuple[str, str]] = []
        self._routes: list[str] = []
        self._settled = frozenset(settled)
        self._abilities: dict[str, Abilities] = {}
        self.news: Callable[[], None] = lambda: None
        """Called when the list of models would say more than the last one did."""
        url = URL(settings.url)
        versioned = url if re.search(r"/v\d+$", url.path) else url / "v1"
        self._root = URL(f"{versioned}/")
        key = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
        self._pool = Pool(url, self.name, settings.timeouts.connect, key)
        self._probing = settings.timeouts.model_copy(update={"first_byte": PROBE_SECONDS})

    def close(self) -> None:
        """Closes its connections and ends the asking."""
        self.forget()
        self._pool.close()

    async def models(self) -> list[ServedModel]:
        """What the engine serves now, and what can be asked of each."""
        try:
            status, body = await self._get(MODELS_PATH)
            if status != 200:
                raise refusal(status, body)
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
            status, body = await self._get(path)
            if status >= 500 and path != RERANK_PATH:  # a gateway may have nobody for that one
                raise refusal(status, body)
            if status not in (404, *range(500, 600)):
                found.append(path)
        return found

    async def post_json(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str], *, too_long: str
    ) -> bytes:
        """The body of a 200 answer; any other is raised, `too_long` for an input over length."""

        async def attempt() -> bytes:
            async with await self._post(path, body, headers) as answer:
                content = await answer.read()
            if answer.status != 200:
                raise refusal(answer.status, content, too_long=too_long)
            return content

        return await with_retries(attempt, self._retries)

    def open_stream(
        self,
        path: str,
        body: Mapping[str, Any],
        headers: Mapping[str, str],
        size: int | None = None,
    ) -> Awaitable[Answer]:
        """An open event stream, which the caller closes; a refusal is raised.

        `size`: about how many bytes the body is, if that is known.
        """
        opening = partial(self._open, path, body, headers, size, whole=False)
        return with_retries(opening, self._retries)

    def open_answer(
        self,
        path: str,
        body: Mapping[str, Any] | Form,
        headers: Mapping[str, str],
        size: int | None = None,
    ) -> Awaitable[Answer]:
        """As `open_stream`, for an answer that may be events or one object."""
        opening = partial(self._open, path, body, headers, size, whole=True)
        return with_retries(opening, self._retries)

    async def _open(
        self,
        path: str,
        body: Mapping[str, Any] | Form,
        headers: Mapping[str, str],
        size: int | None,
        *,
        whole: bool,
    ) -> Answer:
        answer = await self._post(path, body, headers, size)
        if answer.status == 200 and (whole or answer.content_type != _JSON):
            return answer
        async with answer:
            beginning = await answer.read(_ERROR_LIMIT)
        if answer.status != 200:
            raise refusal(answer.status, beginning, too_long=PROMPT_TOO_LONG)
        raise UpstreamBroken("the engine sent one object where a stream was asked for")

    async def _get(self, path: str) -> tuple[int, bytes]:
        """Status and body of an answer that has to come soon."""
        target = _target(self._root, path)
        async with await self._pool.ask("GET", target, {}, (), self._probing) as answer:
            return answer.status, await answer.read()

    async def _post(
        self,
        path: str,
        body: Mapping[str, Any] | Form,
        headers: Mapping[str, str],
        size: int | None = None,
    ) -> Answer:
        if isinstance(body, Form):
            kind, whole = await body.encoded()
            content: Sequence[bytes] = (whole,)
        else:
            kind, content = _JSON, await encoded(body, size)
        return await self._pool.ask(
            "POST",
            _target(self._root, path),
            {"Content-Type": kind, **headers},
            content,
            self._settings.timeouts,
        )


@functools.lru_cache(64)
def _target(root: URL, path: str) -> str:
    """What stands in the request line; a path may lead out of the version with `..`."""
    return root.join(URL(path)).raw_path
