"""An engine's event stream → the client's, event by event as it is, below /v1.

What may be changed is found by bytes: a quote inside a JSON string is always escaped, so
`"model":"…"` with plain quotes is a key and its value. Events are parsed only where a byte pattern
says that there is something to see: an end, an error, counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from adapter.errors import AdapterError
from adapter.translate.faults import ABORTED, BROKEN_FINISHES, ended_early, failed
from adapter.translate.ndjson import dumps, escape_line_breaks
from adapter.translate.reading import error_status, error_text
from adapter.translate.v1_answers import counts

_STUMBLED = "validation errors for ChatCompletionStreamResponse"
"""In vLLM's /v1/messages: it could not read the error event of its own dying engine."""

_ENDS_OF_EVENTS = (b"\n\n", b"\r\n\r\n")
_BETWEEN_EVENTS = re.compile(rb"(?<=\n\n)|(?<=\r\n\r\n)")
_WORTH_A_LOOK = re.compile(
    rb'^:|\[DONE\]|"error"|"usage":\s*\{|"finish_reason":\s*"(?:abort|error)"'
    rb'|message_stop|"response\.(?:completed|incomplete|failed)"',
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Grammar:
    """How the streams of a route begin and end.

    `ends`: the payloads, or values of `type`, with which an answer is complete; `token`: bytes of
    an event that has text in it; `opening` changes the first event; `broken` is what is written
    for an error: (error's object, payload of the first event, sequence number of the last).
    """

    ends: frozenset[str]
    token: bytes
    broken: Callable[[dict[str, Any], Any, int], bytes]
    opening: Callable[[bytes], bytes] = lambda event: event


class Relay:
    """The state of one stream. `ended` when nothing more of the engine is of interest; `fault`
    if it broke; `counts` are the tokens (prompt, generated) that the engine told."""

    def __init__(
        self, grammar: Grammar, served: str, asked: str, *, hides_usage: bool = False
    ) -> None:
        self.fault: AdapterError | None = None
        self.counts = (0, 0)
        self.token_seen = False
        self.complete = False
        self._grammar = grammar
        self._hides_usage = hides_usage
        self._rest = self._first = self._last = b""
        self._served = (
            None
            if served == asked
            else re.compile(rb'"model":(\s*)' + re.escape(orjson.dumps(served)))
        )
        self._asked = dumps(asked)

    @property
    def ended(self) -> bool:
        return self.complete or self.fault is not None

    def feed(self, data: bytes) -> bytes:
        """What the client gets to read for these bytes of the engine: whole events only."""
        data = self._rest + data if self._rest else data
        end = max(data.rfind(mark) + len(mark) if mark in data else 0 for mark in _ENDS_OF_EVENTS)
        events, self._rest = data[:end], data[end:]
        if not events:
            return b""
        if not self.token_seen:
            self.token_seen = self._grammar.token in events
        if not self._first or _WORTH_A_LOOK.search(events):
            events = b"".join(self._looked_at(event) for event in _BETWEEN_EVENTS.split(events))
        self._last = events or self._last
        return self._named(escape_line_breaks(events))

    def finish(self, broken: AdapterError | None = None) -> bytes:
        """The end of the engine's bytes. One that comes before the answer's is a fault.

        `broken` tells how they ended, if not by themselves.
        """
        out = self.feed(b"\n\n") if self._rest and _is_whole(self._rest) else b""
        if self.ended:
            return out
        self.fault = ended_early(broken)
        return out

    def error_event(self, error: dict[str, Any]) -> bytes:
        """The last bytes of a stream that broke; `error` is an error's object in its dialect."""
        numbers = re.findall(rb'"sequence_number":\s*(\d+)', self._last)
        last = int(numbers[-1]) if numbers else -1
        return self._named(self._grammar.broken(error, _parsed(_payload(self._first)), last))

    def _named(self, data: bytes) -> bytes:
        if self._served is None:
            return data
        return self._served.sub(lambda found: b'"model":' + found[1] + self._asked, data)

    def _looked_at(self, event: bytes) -> bytes:
        """One event, of which something may be to know."""
        payload = _payload(event)
        if not payload or self.ended:
            return b""  # a comment, which is no sign of life; or what comes after the end
        if payload == b"[DONE]":
            return self._end(event, "[DONE]")
        parsed = _parsed(payload)
        if not isinstance(parsed, dict):
            self.fault = failed("the engine sent a malformed event")
            return b""
        error = parsed.get("error") or (parsed if parsed.get("type") == "error" else None)
        if error:
            self._break(error_text(error), error)
            return b""
        if any(c.get("finish_reason") in BROKEN_FINISHES for c in _choices(parsed)):
            self._break(ABORTED)
            return b""
        self._count(parsed)
        if not self._first:
            self._first = event
            event = self._grammar.opening(event)
        if self._hides_usage and parsed.get("usage") and not _choices(parsed):
            return b""  # the adapter asked for it, not the client
        return self._end(event, str(parsed.get("type")))

    def _end(self, event: bytes, mark: str) -> bytes:
        if mark == "response.failed":
            # The engine's own words for a fault, which clients understand.
            self.complete = True
            self.fault = failed("the engine said so itself")
        self.complete = self.complete or mark in self._grammar.ends
        return event

    def _break(self, text: str, error: Any = None) -> None:
        if _STUMBLED in text:
            text = "the engine stopped"
        self.fault = failed(text, error_status(error))

    def _count(self, parsed: dict[str, Any]) -> None:
        inner = parsed.get("response")
        usage = parsed.get("usage") or (inner.get("usage") if isinstance(inner, dict) else None)
        if usage:
            self.counts = counts(usage)


def _choices(parsed: dict[str, Any]) -> list[dict[str, Any]]:
    choices = parsed.get("choices")
    return [one for one in choices if isinstance(one, dict)] if isinstance(choices, list) else []


def _payload(event: bytes) -> bytes:
    lines = [line for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(line[5:].strip() for line in lines)


def _parsed(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None


def _is_whole(event: bytes) -> bool:
    """Whether an event without its blank line is one: cut off in the middle, it has not arrived."""
    payload = _payload(event)
    return payload == b"[DONE]" or isinstance(_parsed(payload), dict)


def _openai(error: dict[str, Any], first: Any, last: int) -> bytes:
    return b"data: " + dumps(error) + b"\n\n"


def _anthropic(error: dict[str, Any], first: Any, last: int) -> bytes:
    return b"event: error\ndata: " + dumps(error) + b"\n\n"


def _responses(error: dict[str, Any], first: Any, last: int) -> bytes:
    """`error`, which OpenAI's own clients raise, and `response.failed`, which Codex reads."""
    message = error["error"]["message"]
    told = {"type": "error", "sequence_number": last + 1, "code": "server_error"}
    told |= {"message": message, "param": None, **error}
    begun = first.get("response") if isinstance(first, dict) else None
    failed = (begun if isinstance(begun, dict) else {"object": "response"}) | {
        "status": "failed",
        "error": {"code": "server_error", "message": message},
    }
    end = {"type": "response.failed", "sequence_number": last + 2, "response": failed}
    return (
        b"event: error\ndata: " + dumps(told) + b"\n\n"
        b"event: response.failed\ndata: " + dumps(end) + b"\n\n"
    )


def _message_id(event: bytes) -> bytes:
    return event.replace(b'"id":"chatcmpl-', b'"id":"msg_', 1)


COMPLETIONS = Grammar(frozenset({"[DONE]"}), b'"choices"', _openai)
RESPONSES = Grammar(
    frozenset({"response.completed", "response.incomplete"}), b'.delta"', _responses
)
MESSAGES = Grammar(
    frozenset({"message_stop"}), b'"content_block_delta"', _anthropic, opening=_message_id
)
