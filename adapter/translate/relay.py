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
from adapter.translate.fastlane import Layout, learn
from adapter.translate.faults import ABORTED, BROKEN_FINISHES, ended_early, failed
from adapter.translate.ndjson import dumps, escape_line_breaks
from adapter.translate.reading import error_status, error_text, read
from adapter.translate.sse import BLANK_LINES, Begun
from adapter.translate.v1_answers import counts

_STUMBLED = "validation errors for ChatCompletionStreamResponse"
"""In vLLM's /v1/messages: it could not read the error event of its own dying engine."""

_BETWEEN_EVENTS = re.compile(rb"(?<=\n\n)|(?<=\n\r\n)")
_WORTH_A_LOOK = (
    b"\n:",
    b"[DONE]",
    b'"error"',
    b'"abort"',
    b'"usage":{',
    b'"usage": {',
    b'"message_stop"',
    b'"response.completed"',
    b'"response.incomplete"',
    b'"response.failed"',
)
"""Each is looked for by itself: a regular expression for all of them is five times slower."""
_TRIES = 4
"""Events from which is tried to learn; those of some routes are never alike."""


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
    if it broke; `counts` are the tokens (prompt, generated) that the engine told; `first_token` is
    when the first text came, in nanoseconds of a monotonic clock."""

    __slots__ = (
        "_asked",
        "_begun",
        "_first",
        "_grammar",
        "_heard",
        "_hides_usage",
        "_last",
        "_layout",
        "_ordinary",
        "_renamed",
        "_served",
        "_tries",
        "complete",
        "counts",
        "ended",
        "fault",
        "first_token",
    )

    def __init__(
        self,
        grammar: Grammar,
        served: str,
        asked: str,
        heard: Callable[[], None] = lambda: None,
        *,
        hides_usage: bool = False,
    ) -> None:
        """`heard` is called with the first token."""
        self.fault: AdapterError | None = None
        self.counts = (0, 0)
        self.first_token = 0
        self.complete = self.ended = False
        self._grammar = grammar
        self._hides_usage = hides_usage
        self._heard = heard
        self._begun = Begun()
        self._first = self._last = b""
        self._served = (
            None
            if served == asked
            else re.compile(rb'"model":(\s*)' + re.escape(orjson.dumps(served)))
        )
        self._asked = dumps(asked)
        # Events that differ in their text alone are passed without a look, as learned from one.
        self._tries = _TRIES
        self._layout: Layout | None = None
        self._ordinary: Layout | None = None
        self._renamed = b"", b""

    left_early = False
    """Whether the engine would go on: its answer is never cut."""

    def feed(self, data: bytes, now: int) -> bytes:
        """What the client gets to read for these bytes of the engine: whole events only."""
        if self._ordinary and self._ordinary.slice(data):
            if self._served is None:
                return data
            before, after = self._ordinary.before, self._ordinary.after
            start, end = self._renamed
            return start + data[len(before) : len(data) - len(after)] + end
        out = self._relayed(data, now)
        self._ordinary = None if self._begun else self._layout
        self.ended = self.complete or self.fault is not None
        return out

    def _relayed(self, data: bytes, now: int) -> bytes:
        events = self._whole(data)
        if not events:
            return b""
        if not self.first_token and self._grammar.token in events:
            self.first_token = now
            self._heard()
        if not self._first or _is_worth_a_look(events):
            events = b"".join(self._looked_at(event) for event in _BETWEEN_EVENTS.split(events))
        elif self._tries:
            self._learn(events)
        self._last = events or self._last
        return self._named(escape_line_breaks(events))

    def _whole(self, data: bytes) -> bytes:
        """The events that `data` completes; what is behind them is kept."""
        if self._begun:
            data = self._begun.join(data)
        if data.endswith(b"\n\n"):
            return data
        end = max(data.rfind(blank) + len(blank) if blank in data else 0 for blank in BLANK_LINES)
        if end < len(data):
            self._begun.keep(data[end:])
        return data[:end]

    def _learn(self, event: bytes) -> None:
        """What an ordinary event looks like, if this is one that came by itself."""
        payload = event.removeprefix(b"data: ").removesuffix(b"\n\n")
        if len(payload) + len(b"data: \n\n") == len(event) and b"\n" not in payload:
            self._tries -= 1
            layout = learn(payload, read(payload))
            if layout:
                self._tries = 0
                self._layout = layout.as_event()
                self._renamed = self._named(self._layout.before), self._named(self._layout.after)

    def finish(self, now: int, broken: AdapterError | None = None) -> bytes:
        """The end of the engine's bytes. One that comes before the answer's is a fault.

        `broken` tells how they ended, if not by themselves.
        """
        rest = self._begun.take()
        out = self.feed(rest + b"\n\n", now) if rest and _is_whole(rest) else b""
        if not self.ended:
            self.fault = ended_early(broken)
            self.ended = True
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
        if not payload or self.complete or self.fault:
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


def _is_worth_a_look(events: bytes) -> bool:
    for mark in _WORTH_A_LOOK:  # a generator would cost as much as the looking
        if mark in events:
            return True
    return events.startswith(b":")


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
