"""Which model is meant when nobody said: the adapter's first that can."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from services.engines.http import Http
from services.errors import EngineAway, NotConfigured, ServiceError

LOOKED_UP_SECONDS = 60.0
"""So long a name that was looked up holds; the model may be gone then."""


class ModelName:
    """A model's name, as configured or looked up."""

    def __init__(self, given: str, looked_up: Callable[[], Awaitable[str]]) -> None:
        self._given = given
        self._look_up = looked_up
        self._found = ("", 0.0)

    async def get(self) -> str:
        """Raises NotConfigured if there is no such model, EngineError if nobody tells."""
        if self._given:
            return self._given
        name, until = self._found
        if time.monotonic() >= until:
            name = await self._look_up()
            self._found = (name, time.monotonic() + LOOKED_UP_SECONDS)
        return name


async def first_able(http: Http, adapter: str, ability: str, variable: str, own: str) -> str:
    """The name of a model with an ability (`completion`, `embedding`); one that sees comes last.

    `variable` would name it; our own model, `own`, is never meant. A model that sees is not taken
    while an engine is away: that one may have the model for language, and is only loading it.
    Of a server that tells no abilities (no adapter: a service of ours, a vLLM) it is the only one.

    Raises:
        NotConfigured: there is none, or nobody can tell which.
        EngineAway: there may be one later.
    """
    missing = NotConfigured(f"no model is known to be able of {ability}: set {variable}")
    listed = await known(http.get(f"{adapter}/api/tags")) or {"models": []}
    seeing, told = "", False
    try:
        for name in [str(row["model"]) for row in listed["models"]]:
            if bare(name) == bare(own):
                continue
            shown = await known(http.post(f"{adapter}/api/show", {"model": name}))
            if shown is None:  # it has gone since it was listed, or nothing is told of any
                continue
            told, can = True, shown["capabilities"]
            if ability in can and "vision" not in can:
                return name
            seeing = seeing or (name if ability in can else "")
    except (LookupError, TypeError):
        raise missing from None
    if seeing:
        await require_all(http, adapter, variable)
        return seeing
    if not told and (only := await only_model(http, adapter, own)):
        return only
    raise missing


async def known(telling: Awaitable[Any]) -> Any:
    """What a server tells; None if it has no such route, or not what it is asked about."""
    try:
        return await telling
    except ServiceError as error:
        if error.status == 404:
            return None
        raise


async def only_model(http: Http, server: str, own: str) -> str:
    """The model of a server that has no other, and is not `own`; else nothing."""
    listed = await known(http.get(f"{server}/v1/models"))
    try:
        [row] = listed["data"]
        name = row["id"]
    except (LookupError, TypeError, ValueError):
        return ""
    return name if isinstance(name, str) and bare(name) != bare(own) else ""


def bare(name: str) -> str:
    """The same for all ways of writing one model's name."""
    return name.removesuffix(":latest").lower()


async def require_all(http: Http, adapter: str, variable: str) -> None:
    """Raises EngineAway while an engine of the adapter is away; other servers tell of none."""
    listed = await known(http.get(f"{adapter}/ready"))
    try:
        away = [name for name, up in listed["upstreams"].items() if not up]
    except (LookupError, TypeError, AttributeError):
        return
    if away:
        told = f"{', '.join(away)} is not there, or still loading"
        raise EngineAway(f"no model is known for this yet: {told} ({variable} would name one)")
