"""How replies of /api/chat and /api/generate are laid out. The two differ in these tables only."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from adapter.translate.events import Logprobs
from adapter.translate.ndjson import dumps
from adapter.translate.timestamps import FRACTION, SECOND, up_to_second

_LONGEST_KEPT = 400

Calls = Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class Closing:
    """What the last object of a reply tells. `metrics` are in Ollama's order."""

    done_reason: str
    metrics: Mapping[str, int] = field(default_factory=dict)
    calls: Calls = ()
    logprobs: Logprobs = ()
    context: Sequence[int] = ()
    grounds: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shape:
    """One route's layout: the bytes around a JSON string, and the fields of a whole reply.

    `ability` is the word for what the route does, in `"m" does not support …`; `answer` lays out
    text, thinking and calls, `ending` what follows done_reason.
    """

    ability: str
    text: tuple[bytes, bytes]
    thinking: tuple[bytes, bytes]
    answer: Callable[[str, str, Calls], dict[str, Any]]
    ending: Callable[[Closing], dict[str, Any]]


def _chat_answer(text: str, thinking: str, calls: Calls) -> dict[str, Any]:
    spoken = {"role": "assistant", "content": text}
    return {"message": spoken | _unless_empty(thinking=thinking, tool_calls=calls)}


def _chat_ending(closing: Closing) -> dict[str, Any]:
    return _unless_empty(logprobs=closing.logprobs) | dict(closing.metrics)


def _generate_answer(text: str, thinking: str, calls: Calls) -> dict[str, Any]:
    return {"response": text} | _unless_empty(thinking=thinking)


def _generate_ending(closing: Closing) -> dict[str, Any]:
    return (
        _unless_empty(context=closing.context)
        | dict(closing.metrics)
        | _unless_empty(tool_calls=closing.calls, logprobs=closing.logprobs)
    )


def _unless_empty(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


CHAT = Shape(
    ability="chat",
    text=(b'"message":{"role":"assistant","content":', b'},"done":false'),
    thinking=(b'"message":{"role":"assistant","content":"","thinking":', b'},"done":false'),
    answer=_chat_answer,
    ending=_chat_ending,
)
GENERATE = Shape(
    ability="generate",
    text=(b'"response":', b',"done":false'),
    thinking=(b'"response":"","thinking":', b',"done":false'),
    answer=_generate_answer,
    ending=_generate_ending,
)


def closing_reply(
    shape: Shape, model: str, created_at: str, closing: Closing, text: str = "", thinking: str = ""
) -> dict[str, Any]:
    """A reply with `done`, as the last of a stream, the only one, or a load and unload answer."""
    return {
        "model": model,
        "created_at": created_at,
        **shape.answer(text, thinking, closing.calls),
        "done": True,
        "done_reason": closing.done_reason,
        **shape.ending(closing),
        **closing.grounds,
    }


class Writer(Protocol):
    """Turns what the engine says into bytes for the client; `stamp` is created_at."""

    def text(self, text: str, stamp: bytes, logprobs: Logprobs = ()) -> bytes: ...

    def thinking(self, text: str, stamp: bytes, logprobs: Logprobs = ()) -> bytes: ...

    def last(self, closing: Closing, stamp: bytes) -> bytes: ...


class LineWriter:
    """`stream: true`: a line for each piece of text."""

    def __init__(self, shape: Shape, model: str) -> None:
        self._shape = shape
        self._model = model
        self._head = head = b'{"model":%b,"created_at":"' % dumps(model)
        before, after = shape.text
        self._sliced = (head, b'",' + before + b'"', b'"' + after + b"}\n")

    def text(self, text: str, stamp: bytes, logprobs: Logprobs = ()) -> bytes:
        return self._line(self._shape.text, text, stamp, logprobs)

    def sliced(self, text: bytes, wall_ns: int) -> bytes:
        """The line for the inside of a JSON string, as the engine wrote it. Most lines are made
        here, and all at once: a call more is what all the rest of it costs."""
        head, before, after = self._sliced
        second, fraction = divmod(wall_ns, SECOND)
        return b"".join((head, up_to_second(second), FRACTION % fraction, before, text, after))

    def thinking(self, text: str, stamp: bytes, logprobs: Logprobs = ()) -> bytes:
        return self._line(self._shape.thinking, text, stamp, logprobs)

    def last(self, closing: Closing, stamp: bytes) -> bytes:
        return dumps(closing_reply(self._shape, self._model, stamp.decode(), closing)) + b"\n"

    def _line(
        self, layout: tuple[bytes, bytes], text: str, stamp: bytes, logprobs: Logprobs
    ) -> bytes:
        before, after = layout
        end = b',"logprobs":%b}\n' % dumps(logprobs) if logprobs else b"}\n"
        return b'%b%b",%b%b%b%b' % (self._head, stamp, before, dumps(text), after, end)


def line_writer(shape: Shape, model: str) -> LineWriter:
    """One for all streams of a model: it has no state, and what is shared stays in the processor's
    cache. Names come with any number of blanks; what is long is not kept."""
    if len(model) > _LONGEST_KEPT:
        return LineWriter(shape, model)
    return _kept_writer(shape, model)


@functools.lru_cache(256)
def _kept_writer(shape: Shape, model: str) -> LineWriter:
    return LineWriter(shape, model)


class WholeWriter:
    """`stream: false`: nothing until the end, then one object with all of it."""

    def __init__(self, shape: Shape, model: str) -> None:
        self._shape = shape
        self._model = model
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._logprobs: list[Mapping[str, Any]] = []

    def text(self, text: str, stamp: bytes, logprobs: Logprobs = ()) -> bytes:
        self._texts.append(text)
        self._logprobs.extend(logprobs)
        return b""

    def thinking(self, text: str, stamp: bytes, logprobs: Logprobs = ()) -> bytes:
        self._thoughts.append(text)
        self._logprobs.extend(logprobs)
        return b""

    def last(self, closing: Closing, stamp: bytes) -> bytes:
        text, thinking = "".join(self._texts), "".join(self._thoughts)
        if self._logprobs:
            closing = replace(closing, logprobs=[*self._logprobs, *closing.logprobs])
        return dumps(
            closing_reply(self._shape, self._model, stamp.decode(), closing, text, thinking)
        )
