"""/api/chat."""

from __future__ import annotations

from functools import partial

from adapter.aside import aside
from adapter.errors import BadRequest
from adapter.server.bodies import parsed
from adapter.server.exchange import Exchange, weight
from adapter.server.generation import answer, load, missing, unload
from adapter.server.replies import Reply
from adapter.server.routing import found
from adapter.translate import chat
from adapter.translate.abilities import check_chat, check_logprobs
from adapter.translate.options import sampling
from adapter.translate.replies import CHAT
from adapter.wire.gojson import parse
from adapter.wire.ollama import ChatRequest


async def post(exchange: Exchange) -> Reply | None:
    asked = await parsed(await exchange.read(), partial(parse, ChatRequest))
    check_logprobs(asked)
    if not asked.asked.strip():
        raise BadRequest("model is required")
    entry = await found(exchange, asked.asked, missing(asked))
    if not asked.messages and asked.keep_alive == 0:
        return unload(exchange, asked, entry, CHAT)
    check_chat(asked, entry.capabilities, entry.name.full)
    if not asked.messages:
        sampling(asked.options, entry.target)  # bad options are told before a load, too
        return await load(exchange, asked, entry, CHAT)
    target = entry.target
    question = await aside(weight(exchange, target), chat.to_openai, asked, target)
    return await answer(exchange, asked, entry, question, CHAT)
