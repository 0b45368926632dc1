"""What can go wrong, and whose fault it is. `status` is that of the answer.

ServiceError            500, ours
├── Refused             400, the request's fault
│   ├── NotFound        404
│   ├── Mismatch        409, the index was made with another model
│   ├── TooLarge        413
│   └── Unsupported     415, a kind of file that nothing reads
├── NotConfigured       501
├── Loop                508, an answer of ours would need an answer of ours
└── EngineError         502, the engine's
    ├── EngineRefused   its own 4xx
    ├── EngineAway      503
    └── EngineSilent    504

ConfigError             at the start only: one line that names the culprit
└── NotYet              the same start may work later
"""

from __future__ import annotations


class ConfigError(Exception):
    pass


class NotYet(ConfigError):
    pass


class ServiceError(Exception):
    status = 500
    kind = "internal_error"

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        if status is not None:
            self.status = status


class Refused(ServiceError):
    status = 400
    kind = "invalid_request_error"


class NotFound(Refused):
    status = 404
    kind = "not_found_error"


class Mismatch(Refused):
    status = 409
    kind = "conflict_error"


class TooLarge(Refused):
    status = 413


class Unsupported(Refused):
    status = 415


class NotConfigured(ServiceError):
    status = 501
    kind = "not_configured_error"


class Loop(ServiceError):
    status = 508
    kind = "loop_error"


class EngineError(ServiceError):
    status = 502
    kind = "engine_error"


class EngineRefused(EngineError):
    """The engine's own status and text."""


class EngineAway(EngineError):
    status = 503


class EngineSilent(EngineError):
    status = 504


def error_body(error: ServiceError) -> dict[str, object]:
    """As OpenAI's clients read it, and as FastAPI's (OPEA's) do."""
    told = {"message": error.message, "type": error.kind, "code": error.status}
    return {"error": told, "detail": error.message}
