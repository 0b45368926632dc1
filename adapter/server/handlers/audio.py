"""Speech to text, for engines that have it: a form is passed on with its model's name mapped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from aiohttp import web
from aiohttp.web_request import FileField

from adapter.catalog.catalog import Entry
from adapter.errors import BadRequest
from adapter.server.generation import concern
from adapter.server.relaying import Passed, pass_on
from adapter.server.state import FACTS, STATE
from adapter.server.verbatim import pass_verbatim
from adapter.server.web_exchange import on_the_web
from adapter.translate import v1_routes
from adapter.translate.relay import COMPLETIONS
from adapter.translate.verbatim import Renaming
from adapter.upstream.form import Form
from adapter.wire import v1

_UNREADABLE = "failed to parse multipart form: "


async def transcriptions(request: web.Request) -> web.StreamResponse:
    return await _post(request, v1.TRANSCRIPTIONS_PATH)


async def translations(request: web.Request) -> web.StreamResponse:
    return await _post(request, v1.TRANSLATIONS_PATH)


async def _post(request: web.Request, path: str) -> web.StreamResponse:
    if request.content_type != "multipart/form-data":
        raise BadRequest(_UNREADABLE + "request Content-Type isn't multipart/form-data")
    try:
        form = await request.post()
    except ValueError as error:
        raise BadRequest(f"{_UNREADABLE}{error}") from None
    asked = form.get("model")
    if not isinstance(asked, str) or not asked.strip():
        raise BadRequest("model is required")
    entry = await request.app[STATE].find(asked, v1_routes.missing(asked))
    concern(request[FACTS], entry)
    if entry.verbatim:
        return await _relayed(request, asked, form, entry)
    fields = [(name, await _sent(name, value, entry)) for name, value in form.items()]
    passed = Passed(
        path=path,
        body=Form(fields),
        asked=asked,
        missing=v1_routes.missing(asked),
        unable=f'"{asked}" does not support audio',
        grammar=COMPLETIONS,
        may_be_text=True,
    )
    return await on_the_web(partial(pass_on, entry=entry, passed=passed))(request)


async def _relayed(
    request: web.Request, asked: str, form: Mapping[str, object], entry: Entry
) -> web.StreamResponse:
    """To a real Ollama: a form with the same fields, for aiohttp has taken the client's apart."""
    fields = [(name, await _sent(name, value, entry)) for name, value in form.items()]
    kind, body = await Form(fields).encoded()
    renaming = Renaming(entry.target.served_name, asked)
    going = partial(pass_verbatim, to=entry, body=body, renaming=renaming, content_type=kind)
    return await on_the_web(going)(request)


async def _sent(name: str, value: object, entry: Entry) -> str | tuple[bytes, str, str]:
    if name == "model":
        return entry.target.served_name
    if isinstance(value, FileField):
        return value.file.read(), value.filename, value.content_type
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
