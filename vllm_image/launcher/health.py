"""Whether the engine serves its model. For HEALTHCHECK: small, and silent about secrets.

While it loads, a connection refused, a 503 and no answer in time all mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from launcher import engine_settings, web

PATIENCE = 2.0
"""Seconds for each of two requests; the images give a health check five."""


@dataclass(frozen=True)
class State:
    well: bool
    sentence: str


def of(environ: Mapping[str, str], patience: float = PATIENCE) -> State:
    """Raises CannotRun when the environment names neither a model nor what it is served as."""
    wanted = engine_settings.served(environ)
    base = engine_settings.address(environ).url
    alive = web.get(f"{base}/health", patience)
    if alive is None or alive.status == 503:
        return State(False, "loading: the engine doesn't answer yet")
    if alive.status != 200:
        return State(False, f"ill: /health answers {alive.status}")
    models = web.models(base, patience, environ.get("VLLM_API_KEY", ""))
    missing = [name for name in wanted if name not in models.names]
    if not models.names:
        state = "ill" if models.status not in (0, 200, 503) else "loading"
        return State(False, f"{state}: {models.lacking}")
    if missing:
        return State(False, f"ill: {', '.join(missing)} is not served, {models.names[0]} is")
    return State(True, f"serving {', '.join(wanted)}")
