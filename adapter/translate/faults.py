"""What a client is told of an answer that broke while the model was running, in every dialect."""

from __future__ import annotations

from adapter.errors import AdapterError, EngineFault, UpstreamError

BROKEN_FINISHES = frozenset({"abort", "error"})
"""The finish_reasons of an engine that gave up: no end that a client may take for one."""

ABORTED = "the engine aborted the request"
_FAILED = "an error was encountered while running the model: "


def failed(message: str, status: int = 500) -> EngineFault:
    """The fault of an engine, in Ollama's words and the engine's.

    Behind an engine that is a pipeline there may be an adapter, which has said them already.
    """
    return EngineFault(_FAILED + message.removeprefix(_FAILED), status=status)


def ended_early(broken: AdapterError | None) -> AdapterError:
    """The fault of a stream whose bytes ended before its answer; `broken` says how, if not by
    themselves."""
    if broken is None:
        return failed("unexpected EOF")
    return failed(broken.message, broken.status) if isinstance(broken, UpstreamError) else broken
