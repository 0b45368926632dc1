"""What is remembered of one request."""

from __future__ import annotations

from dataclasses import dataclass

from adapter.errors import Outcome


@dataclass(slots=True)
class Facts:
    """Filled in on a request's way, recorded at its end. Times in nanoseconds, 0 = unknown;
    `ended_at` is in seconds since 1970.

    `route` is a path of the route table or "unknown"; `model` and `upstream` are set only for a
    model of the catalog: clients can't make up labels. `fallback` is the upstream, if it answers
    in the place of the model's own. `truncated` tells what went from a prompt that was too long:
    a number of turns, or `N tokens`. `asked` is when an engine was, last.
    """

    request_id: str
    method: str
    route: str
    started: int
    model: str = ""
    upstream: str = ""
    fallback: str = ""
    truncated: str = ""
    status: int = 0
    outcome: Outcome = "ok"
    error: str = ""
    prompt_tokens: int = 0
    generated_tokens: int = 0
    first_token: int = 0
    evaluation: int = 0
    asked: int = 0
    total: int = 0
    ended_at: float = 0.0
