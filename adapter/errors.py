"""Everything that can go wrong, by whose fault it is.

::

    AdapterError                     status   what the client is told
    ├── BadRequest                      400   the request can't be understood
    │   ├── BadOption                   500   an option of the wrong type (as Ollama has it)
    │   ├── BadFormat                   500   a format that is none (the same)
    │   ├── TemplateError               500   a template that is none, or can't be rendered
    │   └── PromptTooLong               400   more tokens than the model's context holds
    ├── Forbidden                       403   a model of the cloud, which is off
    ├── ModelNotFound                   404   no such model
    ├── Busy                            503   too many requests are waiting
    ├── Stopping                        503   the adapter is shutting down
    ├── StateFault                      500   aliases can't be kept, or not be read
    └── UpstreamError                         the engine's fault
        ├── UpstreamAway                503   refuses connections: loading, stopped, gone
        │   └── UpstreamUnreachable     503   nothing answers at its address
        ├── UpstreamRefused        its own   it answered with an error before the first byte
        │   └── RouteMissing            404   it has no such route: not its task
        ├── UpstreamBroken              502   it broke off, or said what is no vLLM answer
        │   └── UpstreamCut             502   it broke off in the middle of its answer
        ├── UpstreamSilent              504   it said nothing for too long
        └── EngineFault                 500   it failed while the model was running
    ConfigError                               settings that can't work; the process exits with 78

A message is a whole sentence or text of Ollama's own, fit to be read by the client's user. The
server renders it in the dialect of the route; nothing else of an exception reaches a client.
"""

from __future__ import annotations

from typing import Literal

Outcome = Literal["ok", "client_gone", "upstream_fault", "refused"]
"""How a request can end; a label of the metrics."""

EX_CONFIG = 78
"""Exit code for what a retry can't mend (sysexits.h)."""

RETRY_AFTER_SECONDS = 2
"""Told with every 429 and 503: about the time in which a loading engine is asked again."""


class ConfigError(Exception):
    """The settings can't work."""


class AdapterError(Exception):
    """A fault that the client is told of. `status` is an HTTP status."""

    status = 500
    outcome: Outcome = "refused"

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        if status is not None:
            self.status = status

    @property
    def retry_after(self) -> int | None:
        """Seconds after which to come again, where that makes sense."""
        return RETRY_AFTER_SECONDS if self.status in (429, 503) else None


class BadRequest(AdapterError):
    status = 400


class BadOption(BadRequest):
    # Ollama answers 500 here; clients that were written against it look for that.
    status = 500


class BadFormat(BadRequest):
    status = 500


class PromptTooLong(BadRequest):
    pass


class Forbidden(AdapterError):
    status = 403


class ModelNotFound(AdapterError):
    status = 404


class Busy(AdapterError):
    status = 503


class Stopping(AdapterError):
    status = 503


class StateFault(AdapterError):
    status = 500


class UpstreamError(AdapterError):
    status = 502
    outcome: Outcome = "upstream_fault"


class UpstreamAway(UpstreamError):
    status = 503


class UpstreamUnreachable(UpstreamAway):
    pass


class UpstreamRefused(UpstreamError):
    """The engine's own status and text; a 4xx of it is the request's fault, not the engine's."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message, status=status)
        if 400 <= status < 500:
            self.outcome = "refused"


class RouteMissing(UpstreamRefused):
    pass


class UpstreamBroken(UpstreamError):
    pass


class UpstreamCut(UpstreamBroken):
    pass


class UpstreamSilent(UpstreamError):
    status = 504


class EngineFault(UpstreamError):
    status = 500
