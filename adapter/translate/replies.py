"""How replies of /api/chat and /api/generate are laid out. The two differ in these tables only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from adapter.translate.ndjson import dumps


@dataclass(frozen=True, slots=True)
class Shape:
    """One route's layout: the bytes around a JSON string, and the fields of a whole reply.

    `ability` is the word for what the route does, in `"m" does not support …`.
    """

    ability: str
    text: tuple[bytes, bytes]
    thinking: tuple[bytes, bytes]
    fields: Callable[[str, str], dict[str, Any]]


def _chat_fields(text: str, thinking: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"message": message | ({"thinking": thinking} if thinking else {})}


def _generate_fields(text: str, thinking: str) -> dict[str, Any]:
    return {"response": text} | ({"thinking": thinking} if thinking else {})


CHAT = Shape(
    ability="chat",
    text=(b'"message":{"role":"assistant","content":', b'},"done":false}\n'),
    thinking=(b'"message":{"role":"assistant","content":"","thinking":', b'},"done":false}\n'),
    fields=_chat_fields,
)
GENERATE = Shape(
    ability="generate",
    text=(b'"response":', b',"done":false}\n'),
    thinking=(b'"response":"","thinking":', b',"done":false}\n'),
    fields=_generate_fields,
)


def closing_reply(
    shape: Shape, model: str, created_at: str, done_reason: str, text: str = "", thinking: str = ""
) -> dict[str, Any]:
    """A reply with `done`, as the last of a stream, the only one, or a load and unload answer."""
    return {
        "model": model,
        "created_at": created_at,
        **shape.fields(text, thinking),
        "done": True,
        "done_reason": done_reason,
    }


class Writer(Protocol):
    """Turns what the engine says into bytes for the client; `stamp` is created_at."""

    def text(self, text: str, stamp: bytes) -> bytes: ...

    def thinking(self, text: str, stamp: bytes) -> bytes: ...

    def last(self, done_reason: str, metrics: dict[str, int], stamp: bytes) -> bytes: ...


class LineWriter:
    """`stream: true`: a line for each piece of text."""

    def __init__(self, shape: Shape, model: str) -> None:
        self._shape = shape
        self._model = model
        head = b'{"model":%b,"created_at":"' % dumps(model)
        self._text = (head, b'",' + shape.text[0], shape.text[1])
        self._sliced = (head, b'",' + shape.text[0] + b'"', b'"' + shape.text[1])
        self._thinking = (head, b'",' + shape.thinking[0], shape.thinking[1])

    def text(self, text: str, stamp: bytes) -> bytes:
        return _line(self._text, stamp, dumps(text))

    def sliced(self, text: bytes, stamp: bytes) -> bytes:
        """The line for the inside of a JSON string, as the engine wrote it."""
        return _line(self._sliced, stamp, text)

    def thinking(self, text: str, stamp: bytes) -> bytes:
        return _line(self._thinking, stamp, dumps(text))

    def last(self, done_reason: str, metrics: dict[str, int], stamp: bytes) -> bytes:
        reply = closing_reply(self._shape, self._model, stamp.decode(), done_reason)
        return dumps(reply | metrics) + b"\n"


def _line(layout: tuple[bytes, bytes, bytes], stamp: bytes, text: bytes) -> bytes:
    head, before, after = layout
    return b"%b%b%b%b%b" % (head, stamp, before, text, after)


class WholeWriter:
    """`stream: false`: nothing until the end, then one object with all of it."""

    def __init__(self, shape: Shape, model: str) -> None:
        self._shape = shape
        self._model = model
        self._texts: list[str] = []
        self._thoughts: list[str] = []

    def text(self, text: str, stamp: bytes) -> bytes:
        self._texts.append(text)
        return b""

    def thinking(self, text: str, stamp: bytes) -> bytes:
        self._thoughts.append(text)
        return b""

    def last(self, done_reason: str, metrics: dict[str, int], stamp: bytes) -> bytes:
        text, thinking = "".join(self._texts), "".join(self._thoughts)
        reply = closing_reply(self._shape, self._model, stamp.decode(), done_reason, text, thinking)
        return dumps(reply | metrics)
