"""Answers in JSON, and what is read of a request."""

from __future__ import annotations

from typing import Any, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from services.errors import Refused, ServiceError, error_body

M = TypeVar("M", bound=BaseModel)


def json_reply(value: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY),
        status=status,
        content_type="application/json",
    )


def failed(error: ServiceError) -> web.Response:
    reply = json_reply(error_body(error), error.status)
    if error.status == 503:
        reply.headers["Retry-After"] = "1"
    return reply


async def read_object(request: web.Request, *, empty: bool = False) -> dict[str, Any]:
    """The body, whatever its Content-Type says. `empty`: none at all reads as {}.

    Raises:
        Refused: it is no JSON object.
    """
    data = await request.read()
    if empty and not data.strip():
        return {}
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Refused(f"the body is no JSON: {error}") from None
    if value is None and empty:
        return {}
    if not isinstance(value, dict):
        raise Refused("the body is no JSON object")
    return value


def parsed(model: type[M], value: dict[str, Any]) -> M:
    """A null counts as not given; a key that is not known is ignored.

    Raises:
        Refused: the first field that does not fit.
    """
    try:
        return model.model_validate({k: v for k, v in value.items() if v is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Refused(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None
