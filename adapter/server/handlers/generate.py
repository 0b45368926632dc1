"""/api/generate."""

from __future__ import annotations

from functools import partial

from adapter.aside import aside
from adapter.catalog.catalog import Entry
from adapter.errors import BadRequest, ModelNotFound
from adapter.server.bodies import parsed
from adapter.server.exchange import Exchange, weight
from adapter.server.generation import answer, load, missing, unable, unload
from adapter.server.replies import Reply
from adapter.server.routing import found
from adapter.server.tokens import tokenize
from adapter.translate import context, generate
from adapter.translate.abilities import check_generate, check_logprobs
from adapter.translate.generation import Question
from adapter.translate.options import sampling
from adapter.translate.replies import GENERATE
from adapter.wire.gojson import parse
from adapter.wire.ollama import GenerateRequest


async def post(exchange: Exchange) -> Reply | None:
    asked = await parsed(await exchange.read(), partial(parse, GenerateRequest))
    check_logprobs(asked)
    if not asked.asked.strip():
        raise ModelNotFound(missing(asked))
    entry = await found(exchange, asked.asked, missing(asked))
    if not asked.prompt and asked.keep_alive == 0:
        return unload(exchange, asked, entry, GENERATE)
    check_generate(asked, entry.capabilities, entry.name.full)
    if not asked.prompt:
        sampling(asked.options, entry.target)  # bad options are told before a load, too
        return await load(exchange, asked, entry, GENERATE)
    if asked.context:
        question = await _gone_on(exchange, asked, entry)
    else:
        target = entry.target
        size = weight(exchange, target, asked.template)
        question = await aside(size, generate.to_openai, asked, target)
    return await answer(exchange, asked, entry, question, GENERATE)


async def _gone_on(exchange: Exchange, asked: GenerateRequest, entry: Entry) -> Question:
    """The question that goes on with the request's context."""
    if not entry.target.vllm:
        raise BadRequest(unable(asked, "context"))  # no other engine tells how a turn is written
    state = exchange.state
    engine = state.engines[entry.upstream]
    await engine.health.require()
    # Not on its way to an answer yet, but the engine is asked as often as clients like.
    with state.admission.enter(), engine.asked(missing(asked), unable(asked, "context")):
        bodies = context.to_tokenize(asked, entry.target)
        conversations = [await tokenize(engine.client, body) for body in bodies]
    return await aside(weight(exchange), context.to_openai, asked, entry.target, conversations)
