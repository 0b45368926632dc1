"""Fields that several /v1 routes have, on their way to the engine.

What the engine understands goes on as it is. Changed is only what vLLM refuses or takes for
something else than Ollama does; each function says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import Field

from adapter.errors import BadOption, BadRequest
from adapter.translate import thinking
from adapter.translate.options import sampling
from adapter.translate.stops import ENGINE_LIMIT
from adapter.translate.target import Target
from adapter.wire.gojson import GoStruct, parse
from adapter.wire.ollama import KeepAlive, Message, Think
from adapter.wire.ollama import Mapping as Options

Body = dict[str, Any]

EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "ultra", "max", "none")
_VLLM_EFFORTS: Mapping[str, str] = {"ultra": "max"}
"""Efforts that vLLM calls otherwise."""


@dataclass(frozen=True, slots=True)
class Model:
    """The model that a request is for: as the client wrote it, its full name, what it can do."""

    asked: str
    full_name: str
    capabilities: frozenset[str]
    target: Target


class Extras(GoStruct):
    """Fields of /api that are taken on /v1 too; `keep_alive` in seconds."""

    think: Think = None
    keep_alive: KeepAlive = None
    options: Options = Field(default_factory=dict)


def take_extras(body: Body) -> Extras:
    """The extra fields, which are taken out of the body.

    Raises:
        BadRequest: one is none, in the words of /api.
    """
    given = {name: body.pop(name) for name in Extras.model_fields if name in body}
    return parse(Extras, orjson.dumps(given)) if given else Extras()


def add_sampling(body: Body, extras: Extras, target: Target, **renamed: str) -> None:
    """Puts in `options` and the model's own defaults, where the body's own fields leave room.

    `renamed`: what the route calls a field otherwise; "" if it has none.

    Raises:
        BadRequest: an option is of the wrong kind.
    """
    try:
        fields = sampling(extras.options, target)
    except BadOption as error:
        raise BadRequest(error.message) from None
    for name, value in fields.items():
        if route_name := renamed.get(name, name):
            # The engine takes a few stop strings only; a client that sends more is told so by it.
            body.setdefault(route_name, value[:ENGINE_LIMIT] if name == "stop" else value)


def limit(body: Body, field: str, target: Target) -> None:
    """0 and less mean no limit in Ollama; more than the window, which agents ask for, is cut.

    vLLM refuses both.
    """
    value = body.get(field)
    if not isinstance(value, int):
        return
    if value <= 0:
        del body[field]
    elif target.context_length is not None:
        body[field] = min(value, target.context_length)


def spoken(turns: Iterable[Message]) -> list[Body]:
    """A model's MESSAGE lines as messages; system lines aside, which these routes have no place
    for."""
    roles = ("user", "assistant")
    return [{"role": t.role, "content": t.content} for t in turns if t.role in roles]


def check_template(model: Model) -> None:
    """Raises BadRequest for a model made with a TEMPLATE, which the engine can't be told of."""
    if model.target.template:
        raise BadRequest(
            f'"{model.asked}" has a template of its own, which /v1 can\'t apply: use /api/chat'
        )


def check_tools(model: Model) -> None:
    """Raises BadRequest if the model takes no tools."""
    if "tools" not in model.capabilities:
        raise BadRequest(f"{model.full_name} does not support tools")


def drop_empty_tools(body: Body) -> None:
    """vLLM refuses an empty list of tools, and a choice without tools."""
    if not body.get("tools"):
        body.pop("tools", None)
        body.pop("tool_choice", None)


def effort(body: Body) -> str | None:
    """The effort asked for in `reasoning` or `reasoning_effort`, None if there is none.

    Raises:
        BadRequest: it is no word of Ollama's.
    """
    reasoning = body.get("reasoning") or {}
    asked = reasoning.get("effort") or body.get("reasoning_effort")
    if not asked:
        return None
    if asked not in EFFORTS:
        *most, last = (f'"{word}"' for word in EFFORTS)
        known = f"{', '.join(most)}, or {last}"
        shown = asked if isinstance(asked, str) else orjson.dumps(asked).decode()
        raise BadRequest(f'invalid reasoning value: "{shown}" (must be {known})')
    return str(asked)


def think_of(asked: str | None, extras: Extras, model: Model) -> bool | str | None:
    """What /api's `think` would be for an effort; without one, the extra field itself.

    Raises:
        BadRequest: the model can't think.
    """
    think: bool | str | None = extras.think
    if asked is not None:
        think = False if asked == "none" else _VLLM_EFFORTS.get(asked, asked)
    if think and "thinking" not in model.capabilities:
        raise BadRequest(f'"{model.asked}" does not support thinking')
    return think


def add_switch(body: Body, think: bool | str | None, target: Target) -> None:
    """Has the template think or not; the client's own template variables win."""
    switch = thinking.fields(think, target).get("chat_template_kwargs")
    if switch:
        body["chat_template_kwargs"] = switch | body.get("chat_template_kwargs", {})
