"""Which model is meant when nobody said: the adapter's first that can."""

from __future__ import annotations

from services.engines.http import Http
from services.errors import NotConfigured, ServiceError


async def first_able(http: Http, adapter: str, ability: str, variable: str, own: str) -> str:
    """The name of a model with an ability (`completion`, `embedding`) that isn't our own.

    Raises:
        NotConfigured: there is none, or the server tells no abilities.
    """
    missing = NotConfigured(f"no model is known to be able of {ability}: set {variable}")
    try:
        listed = await http.get(f"{adapter}/api/tags")
        for row in listed["models"]:
            name = str(row["model"])
            if name.partition(":")[0] == own:
                continue
            shown = await http.post(f"{adapter}/api/show", {"model": name})
            if ability in shown["capabilities"]:
                return name
    except ServiceError as error:
        if error.status != 404:
            raise
    except (LookupError, TypeError):
        raise missing from None
    raise missing
