"""The model that answers."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from services.engines.http import Http, Origin, error_text
from services.engines.models import LOOKED_UP_SECONDS, ModelName, first_able
from services.errors import EngineAway, EngineError, EngineRefused, EngineSilent
from services.settings import Settings

_REMEMBERED = 10_000
Body = dict[str, Any]


@dataclass(frozen=True)
class Counted:
    tokens: int
    window: int
    """The model's context, prompt and answer; 0: not told."""


class LLM:
    def __init__(self, http: Http, settings: Settings) -> None:
        self._http = http
        self.url = settings.asked_at("llm")
        wanted = ("completion", "LLM_MODEL_ID", settings.model_name)
        self._name = ModelName(settings.llm_model, partial(first_able, http, self.url, *wanted))
        self._uncounted_until = 0.0
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self.window = 0
        self._window_until = 0.0

    async def model(self) -> str:
        return await self._name.get()

    async def events(self, body: Body, origin: Origin) -> AsyncGenerator[Body]:
        """The chunks of a streamed chat; closing the generator closes the connection.

        Raises:
            EngineError: the engine refused, broke off, or told an error in the stream.
        """
        model = await self.model()
        options = {"stream": True, "stream_options": {"include_usage": True}}
        asked = body | options | {"model": model}
        url = f"{self.url}/v1/chat/completions"
        async with aclosing(self._http.events(url, asked, origin)) as payloads:
            async for payload in payloads:
                yield read_chunk(payload)

    async def whole(self, messages: Sequence[Body], limit: int, origin: Origin) -> str:
        """The text of a short answer."""
        body = {"messages": messages, "max_tokens": limit, "temperature": 0, "stream": False}
        url = f"{self.url}/v1/chat/completions"
        reply = await self._http.post(url, body | {"model": await self.model()}, origin)
        try:
            return str(reply["choices"][0]["message"]["content"] or "")
        except (LookupError, TypeError):
            raise EngineError(f"{url}: a malformed answer") from None

    async def count(self, messages: Sequence[Body], origin: Origin) -> Counted | None:
        """The tokens of a conversation in the model's template; None where no engine tells."""
        counted = await self._tokenized({"messages": messages}, origin)
        if counted is not None:
            self.window, self._window_until = counted.window, time.monotonic() + LOOKED_UP_SECONDS
        return counted

    def known_window(self) -> int:
        """The model's context as it was told of late; 0: not known."""
        return self.window if time.monotonic() < self._window_until else 0

    async def size(self, text: str, origin: Origin) -> int | None:
        """The tokens of a text by itself."""
        if text in self._sizes:
            self._sizes.move_to_end(text)
            return self._sizes[text]
        body = {"prompt": text, "add_special_tokens": False}
        counted = await self._tokenized(body, origin)
        if counted is None:
            return None
        self._sizes[text] = counted.tokens
        if len(self._sizes) > _REMEMBERED:
            self._sizes.popitem(last=False)
        return counted.tokens

    async def tokenize(self, body: Body, origin: Origin) -> Any:
        """An engine's answer to vLLM's request."""
        asked = body | {"model": await self.model()}
        try:
            return await self._http.post(f"{self.url}/v1/tokenize", asked, origin)
        except EngineRefused as error:
            if error.status != 404:
                raise
            missing = error
        try:
            # A vLLM without an adapter before it has the route elsewhere.
            return await self._http.post(f"{self.url}/tokenize", asked, origin)
        except EngineRefused as error:
            raise (missing if error.status == 404 else error) from None

    async def _tokenized(self, body: Body, origin: Origin) -> Counted | None:
        if time.monotonic() < self._uncounted_until:
            return None
        try:
            reply = await self.tokenize(body, origin)
            return Counted(int(reply["count"]), int(reply.get("max_model_len") or 0))
        except EngineRefused as error:
            # 400 as well: so the adapter says that an engine has no such route.
            if error.status in (404, 405, 501) or "tokenize" in error.message:
                self._uncounted_until = time.monotonic() + LOOKED_UP_SECONDS
            return None
        except (EngineAway, EngineSilent):
            raise
        except (EngineError, LookupError, TypeError, ValueError):
            return None  # an estimate is better than no answer


def read_chunk(payload: bytes) -> Body:
    """A chunk of a chat.

    Raises:
        EngineError: it tells an error, or is no chunk.
    """
    try:
        chunk = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise EngineError("the engine sent a malformed event") from None
    if not isinstance(chunk, dict):
        raise EngineError("the engine sent a malformed event")
    if error := chunk.get("error"):
        code = error.get("code") if isinstance(error, dict) else None
        kind = EngineAway if code == 503 else EngineError
        raise kind(error_text(chunk))
    if not isinstance(chunk.get("choices"), list):
        raise EngineError("the engine sent a malformed event")
    return chunk
