"""The routes below /v1 that OpenAI's clients and vLLM's know."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from adapter.aside import aside
from adapter.catalog import names
from adapter.catalog.catalog import Entry
from adapter.errors import ModelNotFound
from adapter.server.bodies import json_answer, parsed
from adapter.server.exchange import Answering, Exchange, handed_on, weight
from adapter.server.generation import concern
from adapter.server.relaying import Passed, pass_on
from adapter.server.replies import Reply, json_reply
from adapter.server.routing import found, refuse_verbatim
from adapter.server.state import FACTS, STATE
from adapter.translate import embed, v1_embeddings, v1_models, v1_routes
from adapter.translate.refusals import INPUT_TOO_LONG
from adapter.translate.v1_fields import Body, Model, take_extras
from adapter.translate.v1_routes import PassedRoute
from adapter.wire import v1
from adapter.wire.longtext import Json
from adapter.wire.openai import EMBEDDINGS_PATH


def passing(route: PassedRoute) -> Answering:
    """What answers a route that is passed on."""

    async def post(exchange: Exchange) -> Reply | None:
        body = await parsed(await exchange.read(), partial(_checked, route))
        asked = body.get("model", "")
        if not asked.strip():
            raise route.nameless(asked)
        entry = await found(exchange, asked, v1_routes.missing(asked))
        refuse_verbatim(entry, f'"{asked}" does not support {route.ability}')
        size = weight(exchange, entry.target)
        return await pass_on(exchange, entry, await aside(size, question, route, body, entry))

    return post


def _checked(route: PassedRoute, data: Json) -> Body:
    body = v1.read_object(data, route.struct, route.fields)
    route.check(body)
    return body


def question(route: PassedRoute, body: Body, entry: Entry) -> Passed:
    """What the engine is asked for a checked body."""
    asked, target = body["model"], entry.target
    extras = take_extras(body)
    route.translate(body, extras, Model(asked, entry.name.full, entry.capabilities, target))
    hides_usage = False
    if route.counts and body.get("stream"):
        options = body.get("stream_options", {})
        hides_usage = not options.get("include_usage")
        body["stream_options"] = options | {"include_usage": True}
    return Passed(
        path=route.path,
        body=body | {"model": target.served_name},
        asked=asked,
        missing=v1_routes.missing(asked),
        unable=f'"{asked}" does not support {route.ability}',
        grammar=route.grammar,
        changes=route.changes,
        keep_alive=extras.keep_alive,
        hides_usage=hides_usage,
    )


async def embeddings(exchange: Exchange) -> Reply | None:
    """Vectors by the same rules as /api/embed."""
    body = await parsed(await exchange.read(), _checked_input)
    state, facts, asked = exchange.state, exchange.facts, body.get("model", "")
    if not asked.strip():
        raise ModelNotFound(v1_routes.missing(asked))
    missing = f'model "{asked}" not found, try pulling it first'
    entry = await found(exchange, asked, missing)
    extras = take_extras(body)
    engine = state.engines[entry.upstream]
    with state.admission.enter():
        await engine.health.require()
        unable = f'"{asked}" does not support embeddings'
        lasting = state.residency.in_use(entry.listing.name, extras.keep_alive)
        with engine.asked(missing, unable), lasting:
            answer = await engine.client.post_json(
                EMBEDDINGS_PATH,
                v1_embeddings.question(body, entry.target),
                handed_on(exchange),
                too_long=INPUT_TOO_LONG,
            )
    vectors = await aside(len(answer), embed.read_vectors, answer, len(body["input"]))
    facts.prompt_tokens = vectors.prompt_tokens
    return await json_answer(exchange, vectors.size, partial(v1_embeddings.reply, body, vectors))


def _checked_input(data: Json) -> Body:
    body = v1.read_object(data, "openai.EmbedRequest", v1.EMBEDDINGS)
    v1_embeddings.check(body)
    return body


async def models(request: web.Request) -> web.Response:
    """All models; none is `[]`, where Ollama says null."""
    entries = await request.app[STATE].entries()
    return json_reply(v1_models.model_list([entry.listing for entry in entries]))


async def model(request: web.Request) -> web.Response:
    """One model, under the name that stands in the path."""
    asked = "/".join(request.match_info.values())
    missing = f"model '{names.asked(asked).display}' not found"
    entry = await request.app[STATE].find(asked, missing)
    concern(request[FACTS], entry)
    return json_reply(v1_models.model(entry.listing, asked))


chat = passing(v1_routes.CHAT)
completions = passing(v1_routes.COMPLETION)
responses = passing(v1_routes.RESPONSE)
rerank = passing(v1_routes.RERANK)
score = passing(v1_routes.SCORE)
tokenize = passing(v1_routes.TOKENIZE)
detokenize = passing(v1_routes.DETOKENIZE)
system_one = passing(v1_routes.SYSTEM_ONE)
