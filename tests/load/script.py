"""What the mock engine says and what a client has to receive: both sides know it beforehand.

The events have the bytes of a recorded stream of vLLM's; only the text and the counts differ.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import orjson

from tests.support.recordings import recording

_STREAM = recording("chat_stream_usage")
_WHOLE = recording("chat_nonstream")
_ROLE, _TOKEN = _STREAM.events[:2]
_LAST, _USAGE, _DONE = _STREAM.events[-3:]
_TEXT = b'"content":"\\n"'
_COUNTS = re.compile(rb'"prompt_tokens":\d+,"total_tokens":\d+,"completion_tokens":\d+')
PROMPT_TOKENS = 13
MODEL = "tiny-chat"


def model_name(number: int) -> str:
    """Of one of many models; the first is MODEL."""
    return f"{MODEL}-{number}" if number else MODEL


def listing(numbers: range) -> bytes:
    """The body of /v1/models: the recorded row under the names of these models."""
    read = orjson.loads(recording("models").body)
    row = read["data"][0]
    names = [model_name(number) for number in numbers]
    return orjson.dumps(read | {"data": [{**row, "id": name, "root": name} for name in names]})


_WORDS = (
    " the| quick| brown| fox| jumps| over| a| lazy| dog| and| then| it| runs| into| some| deep"
    "| forest| where| no| one| has| been| for| many| years| until"
)
PIECES = (*_WORDS.split("|"), "\n", ' "so"', " über", " 🦊", " C:\\tmp", " 東京")
"""Mostly plain words, as in most answers, and some that are escaped or not ASCII."""

LOCK, BURST, CUT, TIMED = "lock", "burst", "cut", "t"
END = b" - the end"
"""Of every prompt."""
_MARK = "bench:"
_ORDER = re.compile(rb"bench:(\d+):(\d+):(\w+):")


@dataclass(frozen=True, slots=True)
class Order:
    """What an answer is to be: its number, its length in tokens, its pace.

    `pace`: LOCK, a token when the client has the one before; BURST, all at once; CUT, in pieces
    of a few bytes that end anywhere; or the milliseconds between two tokens, with TIMED before
    them if the times are to be noted.
    """

    number: int
    tokens: int
    pace: str

    def prompt(self) -> str:
        return f"{_MARK}{self.number}:{self.tokens}:{self.pace}: tell me a story{END.decode()}"

    @property
    def timed(self) -> bool:
        return self.pace.startswith(TIMED)

    @property
    def pause(self) -> float:
        """Seconds between two tokens; 0 if it is not the time that decides."""
        milliseconds = self.pace.removeprefix(TIMED)
        return int(milliseconds) / 1000 if milliseconds.isdecimal() else 0.0


def read_order(body: bytes) -> Order | None:
    """The order that stands in a request's prompt, whatever else the request is."""
    # Found by `find`: a search by pattern takes a tenth of a second for ten megabytes.
    match = _ORDER.match(body, max(0, body.find(_MARK.encode())))
    return Order(int(match[1]), int(match[2]), match[3].decode()) if match else None


def text(tokens: int) -> str:
    return "".join(PIECES[number % len(PIECES)] for number in range(tokens))


@cache
def digest(tokens: int) -> str:
    """Of the text of so many tokens."""
    return digest_of(text(tokens))


def digest_of(answer: str) -> str:
    return hashlib.sha256(answer.encode()).hexdigest()


def http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
ROLE_CHUNK = http_chunk(_ROLE)


def _event(said: str, pattern: bytes = _TOKEN) -> bytes:
    return pattern.replace(_TEXT, b'"content":' + orjson.dumps(said), 1)


TOKEN_CHUNKS = [http_chunk(_event(piece)) for piece in PIECES]
"""An ordinary event for each piece, as it goes over the wire."""


def _counted(event: bytes, tokens: int) -> bytes:
    counts = (PROMPT_TOKENS, PROMPT_TOKENS + tokens, tokens)
    return _COUNTS.sub(
        b'"prompt_tokens":%d,"total_tokens":%d,"completion_tokens":%d' % counts, event
    )


@cache
def ending(tokens: int, last: str | None = None) -> bytes:
    """The last token of an answer with all that follows it; `last` is its text."""
    said = PIECES[(tokens - 1) % len(PIECES)] if last is None else last
    events = (_event(said, _LAST), _counted(_USAGE, tokens), _DONE)
    return b"".join(map(http_chunk, events)) + LAST_CHUNK


@cache
def everything(tokens: int, interval: int = 1) -> bytes:
    """A whole stream; `interval` tokens are in each event but the first, as vLLM does it."""
    said = [PIECES[number % len(PIECES)] for number in range(tokens)]
    groups = [said[:1], *(said[at : at + interval] for at in range(1, tokens, interval))]
    *texts, last = ("".join(group) for group in groups)
    chunks = [http_chunk(_event(piece)) for piece in texts]
    return b"".join((ROLE_CHUNK, *chunks, ending(tokens, last)))


@cache
def whole(tokens: int) -> bytes:
    """The body of an answer that is not streamed."""
    body = _WHOLE.body.replace(rb'"content":"\n\n\n\n\n\n"', b'"content":%b' % _dumped(tokens), 1)
    return _counted(body, tokens)


def _dumped(tokens: int) -> bytes:
    return orjson.dumps(text(tokens))


def head(status: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    lines = [b"HTTP/1.1 " + status, *(b"%b: %b" % row for row in headers)]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _recorded_head(length: int | None) -> bytes:
    headers = dict(_STREAM.headers if length is None else _WHOLE.headers)
    if length is not None:
        headers["content-length"] = str(length)
    return head(b"200 OK", [(key.encode(), value.encode()) for key, value in headers.items()])


STREAM_HEAD = _recorded_head(None)


def with_length(body: bytes) -> bytes:
    """A whole answer of status 200."""
    return _recorded_head(len(body)) + body
