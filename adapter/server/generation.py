"""From a question to an answer: what /api/chat and /api/generate have in common."""

from __future__ import annotations

from adapter.catalog.catalog import Entry
from adapter.errors import AdapterError, PromptTooLong, UpstreamError
from adapter.observe.facts import Facts
from adapter.observe.logs import events
from adapter.server.exchange import Exchange, handed_on, weight
from adapter.server.replies import NDJSON, Reply, json_bytes
from adapter.server.shortening import shorten
from adapter.server.state import State
from adapter.server.streaming import streamed, whole
from adapter.translate.generation import Question
from adapter.translate.ndjson import dumps, error_line
from adapter.translate.replies import Closing, Shape, WholeWriter, closing_reply, line_writer
from adapter.translate.stream import Translator
from adapter.translate.timestamps import rfc3339
from adapter.translate.timings import Marks
from adapter.upstream.answer import Answer
from adapter.upstream.client import Upstream
from adapter.wire.ollama import GenerationRequest


def concern(facts: Facts, entry: Entry) -> None:
    """Notes which model a request is for."""
    facts.model, facts.upstream = entry.counted_as, entry.upstream


def missing(asked: GenerationRequest) -> str:
    return f"model '{asked.asked}' not found"


def unable(asked: GenerationRequest, ability: str) -> str:
    return f'"{asked.asked}" does not support {ability}'


async def load(exchange: Exchange, asked: GenerationRequest, entry: Entry, shape: Shape) -> Reply:
    """The answer to a request without a prompt, which only wants the model loaded.

    Raises:
        UpstreamAway: the engine does not answer.
    """
    state = exchange.state
    await state.engines[entry.upstream].health.require()
    state.residency.use(entry.listing.name, asked.keep_alive)
    return _without_text(state, asked, shape, "load")


def unload(exchange: Exchange, asked: GenerationRequest, entry: Entry, shape: Shape) -> Reply:
    """The answer to a request without a prompt and with keep_alive 0."""
    state = exchange.state
    state.residency.release(entry.listing.name)
    return _without_text(state, asked, shape, "unload")


def _without_text(state: State, asked: GenerationRequest, shape: Shape, done_reason: str) -> Reply:
    created_at = rfc3339(state.wall_clock())
    return json_bytes(dumps(closing_reply(shape, asked.asked, created_at, Closing(done_reason))))


def _mention_window(state: State, asked: GenerationRequest, entry: Entry) -> None:
    """Says once for each model that its window can't be had as large as a client wants it."""
    wanted, window = asked.options.get("num_ctx"), entry.target.context_length
    name = entry.listing.name
    if not isinstance(wanted, int) or not window or wanted <= window or name in state.mentioned:
        return
    state.mentioned.add(name)
    events.info("model=%s: num_ctx %d was asked for, its window is %d", name, wanted, window)


async def answer(
    exchange: Exchange, asked: GenerationRequest, entry: Entry, question: Question, shape: Shape
) -> Reply | None:
    """Asks the engine, and answers in lines or in one object."""
    state, facts = exchange.state, exchange.facts
    engine = state.engines[entry.upstream]
    _mention_window(state, asked, entry)
    marks = Marks(facts.started)
    writer = (line_writer if asked.streams else WholeWriter)(shape, asked.asked)
    with state.admission.enter() as place:
        offset = state.wall_clock() - state.clock()
        translator = Translator(writer, marks, offset, question.listening, place.leave)
        await engine.health.require()
        marks.opened = state.clock()
        try:
            with state.streams.opening():
                stream = await _open(exchange, engine.client, question, asked, entry)
        except UpstreamError as error:
            told = engine.explained(error, missing(asked), unable(asked, shape.ability))
            raise told from None
        # By hand: as many context managers would take as long as all the rest of this.
        state.residency.begin(entry.listing.name)
        state.streams.begin(stream)
        try:
            if asked.streams:
                await streamed(exchange, stream, translator, NDJSON, _told)
                return None
            return json_bytes(await whole(exchange, stream, translator))
        finally:
            stream.leave()
            state.streams.finish(stream)
            state.residency.end(entry.listing.name, asked.keep_alive)
            _note(facts, translator)


def _told(error: AdapterError) -> bytes:
    return error_line(error.message)


async def _open(
    exchange: Exchange,
    client: Upstream,
    question: Question,
    asked: GenerationRequest,
    entry: Entry,
) -> Answer:
    """The engine's stream; a prompt that is too long is shortened where the request allows it."""
    headers, size = handed_on(exchange), weight(exchange, entry.target)
    try:
        return await client.open_stream(question.path, question.body, headers, size)
    except PromptTooLong:
        shorter = await shorten(client, question, asked, entry)
        if shorter is None:
            raise
    stream = await client.open_stream(shorter.question.path, shorter.question.body, headers)
    exchange.facts.truncated = shorter.dropped
    return stream


def _note(facts: Facts, translator: Translator) -> None:
    marks = translator.marks
    if marks.first_token:
        facts.first_token = marks.first_token - facts.started
    if translator.usage is not None:
        facts.prompt_tokens = translator.usage.prompt_tokens
        facts.generated_tokens = translator.usage.completion_tokens
    if translator.spent is not None:
        facts.evaluation = translator.spent.evaluation
