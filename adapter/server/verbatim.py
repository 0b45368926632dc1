"""Requests for a model of a real Ollama, and its answers: passed on as they are."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from adapter.catalog.catalog import Entry
from adapter.errors import AdapterError
from adapter.server.chunks import ChunkWriter
from adapter.server.exchange import Exchange, handed_on
from adapter.server.generation import concern
from adapter.server.observing import note_failure
from adapter.server.replies import EVENT_STREAM, NDJSON, Reply
from adapter.server.state import State
from adapter.translate.dialects import dialect_of, error_body
from adapter.translate.ndjson import error_line
from adapter.translate.refusals import refusal
from adapter.translate.relay import COMPLETIONS, MESSAGES, RESPONSES
from adapter.translate.verbatim import EVENT, LINE, Renaming, Verbatim
from adapter.upstream.answer import Answer
from adapter.upstream.engine import Engine
from adapter.upstream.ollama import Ollama
from adapter.wire.longtext import Json

_SMALL = 2**16
"""Bytes of an answer that is taken whole before it is begun."""
_SENT_ON = ("Content-Type", "Accept", "User-Agent")
"""Of a request. What is left out is about the connection, or about who may ask the adapter."""
_KEPT_BACK = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "proxy-authenticate"),
        *("te", "trailer", "upgrade"),
        *("transfer-encoding", "content-length", "date", "server", "vary"),
    }
)
"""Of an answer: what the adapter says for itself."""
_NO_MODEL = re.compile(r"\bmodel\b.* not found")
"""In Ollama's words; of a route that it does not have it says `404 page not found`."""
_GRAMMARS = {"/v1/responses": RESPONSES, "/v1/messages": MESSAGES}


def ollama_of(state: State, upstream: str) -> tuple[Engine, Ollama]:
    """An upstream that is a real Ollama, and its client."""
    engine = state.engines[upstream]
    assert isinstance(engine.client, Ollama)
    return engine, engine.client


async def pass_verbatim(
    exchange: Exchange,
    to: Entry | str,
    body: Json,
    renaming: Renaming | None = None,
    *,
    patient: bool = False,
    content_type: str = "",
    after: Callable[[Engine], Awaitable[None]] | None = None,
    replaceable: bool = False,
) -> Reply | None:
    """Asks an Ollama, by its model or its name, and answers in its words and statuses.

    `patient`: a part of the answer may take as long as its beginning. `content_type`: the body's,
    if it is no longer the request's. `after` is done before the end of the answer is told.
    `replaceable`: what says that the Ollama is at fault is raised, for another may do better.

    Raises:
        AdapterError: there is no answer, or none that could be begun.
    """
    state, facts = exchange.state, exchange.facts
    if isinstance(to, Entry):
        concern(facts, to)
    else:
        facts.upstream = to
    engine, client = ollama_of(state, facts.upstream)
    with state.admission.enter() as place:
        await engine.health.require()
        headers = headers_on(exchange) | ({"Content-Type": content_type} if content_type else {})
        with engine.asked("", ""), state.streams.opening():
            answer = await client.pass_on(
                exchange.method,
                exchange.target,
                headers,
                (bytes(body),) if body else (),
                patient=patient,
            )

        def begun() -> None:
            place.leave()
            if not patient:
                facts.first_token = state.clock() - facts.started

        last = partial(after, engine) if after else None
        async with answer:
            with state.streams.counted(answer):
                if replaceable:
                    await _require_no_fault(engine, answer)
                return await Passage(exchange, answer, renaming, last).run(begun)


async def _require_no_fault(engine: Engine, answer: Answer) -> None:
    """Raises an answer of 500 and above, and one that the model is not there."""
    if answer.status < 500 and answer.status != 404:
        return
    body = await answer.read()
    with engine.asked("the engine no longer has the model", ""):
        error = refusal(answer.status, body)
        if answer.status >= 500 or _NO_MODEL.search(error.message):
            raise error
    answer.put_back(body)


def headers_on(exchange: Exchange) -> dict[str, str]:
    """The headers of a request that go on."""
    sent = {name: value for name in _SENT_ON if (value := exchange.header(name))}
    return sent | handed_on(exchange)


def headers_back(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an answer that go back, but for those of CORS: pages ask the adapter."""
    return {
        name.title(): value
        for name, value in headers.items()
        if name not in _KEPT_BACK and not name.startswith("access-control-")
    }


class Passage:
    """One answer on its way to the client."""

    def __init__(
        self,
        exchange: Exchange,
        answer: Answer,
        renaming: Renaming | None = None,
        after: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._exchange = exchange
        self._after = after
        self._answer = answer
        self._renaming = renaming
        ends = {NDJSON: LINE, EVENT_STREAM: EVENT}
        self._verbatim = Verbatim(renaming, ends.get(answer.content_type, b""))
        self._out: list[bytes] = []
        size = answer.headers.get("content-length", "")
        self._size = int(size) if size.isdecimal() else None

    async def run(self, begun: Callable[[], None]) -> Reply | None:
        """The answer, or None if it was written. `begun` is called with its first bytes.

        Raises:
            AdapterError: the Ollama broke off before anything was written.
        """
        facts = self._exchange.facts
        try:
            if self._size is not None and self._size <= _SMALL:
                return await self._whole()
            await self._pieces(begun)
            return None
        finally:
            facts.prompt_tokens, facts.generated_tokens = self._verbatim.counts

    async def _whole(self) -> Reply:
        body = await self._answer.read()
        if self._after is not None:
            await self._after()
        pieces = [*self._verbatim.feed(body), *self._verbatim.finish()]
        body = b"".join(pieces)
        if self._answer.status >= 400 and self._renaming:
            body = self._renaming.told(body)
        return Reply(body, self._answer.status, headers_back(self._answer.headers))

    async def _pieces(self, begun: Callable[[], None]) -> None:
        headers, client = headers_back(self._answer.headers), None
        # An error that is told at the end would stand inside a length that was promised.
        told = self._answer.content_type in (NDJSON, EVENT_STREAM)
        length = None if told or self._renaming else self._size
        more = True
        while more:
            try:
                more = await self._answer.pour(self._take)
            except AdapterError as error:
                if client is None:
                    raise
                await self._broken(client, error)
                return
            if not more:
                self._out += self._verbatim.finish()
            if client is None:
                client = await self._exchange.begin(headers, self._answer.status, length)
                begun()
            await self._write(client)
        if self._after is not None:
            await self._after()
        await self._exchange.end()

    def _take(self, data: bytes) -> bool:
        self._out += self._verbatim.feed(data)
        return bool(self._out)

    async def _write(self, client: ChunkWriter) -> None:
        out, self._out = self._out, []
        for piece in out:
            if client.write(piece):
                await client.drained()

    async def _broken(self, client: ChunkWriter, error: AdapterError) -> None:
        """The end of an answer that broke: told where there is a way to, cut off elsewhere."""
        path, facts = self._exchange.path, self._exchange.facts
        note_failure(facts, error)
        await self._write(client)
        kind = self._answer.content_type
        if kind == NDJSON:
            client.write(error_line(error.message))
        elif kind == EVENT_STREAM:
            told = error_body(dialect_of(path), error.status, error.message, facts.request_id)
            client.write(_GRAMMARS.get(path, COMPLETIONS).broken(told, None, -1))
        else:
            self._exchange.cut()
            return
        await self._exchange.end()
