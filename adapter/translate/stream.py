"""One engine stream → one reply. Bytes as read in, bytes to write out; no I/O, no clock.

Most of a stream is events that differ in their text alone. The bytes before and after that text
are learned from the first such event, and later ones are sliced, not parsed (the fast lane):
JSON strings are legal in both protocols as they are. Whatever looks different takes the road
through `reading`; a stream from which nothing can be learned is slower, never wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from adapter.errors import AdapterError, EngineFault
from adapter.translate import logprobs
from adapter.translate.calls import Calls
from adapter.translate.events import (
    CallPart,
    Done,
    EngineTimes,
    Event,
    Fault,
    Finish,
    Grounds,
    Logprobs,
    Text,
    Thinking,
    Tokens,
    Usage,
)
from adapter.translate.fastlane import Layout, Slice, learn
from adapter.translate.faults import ABORTED, BROKEN_FINISHES, ended_early, failed
from adapter.translate.generation import ORDINARY, Listening
from adapter.translate.reading import MALFORMED, read
from adapter.translate.replies import Closing, LineWriter, Writer
from adapter.translate.sse import EventSplitter
from adapter.translate.stops import StopScanner
from adapter.translate.timestamps import stamp as stamp_of
from adapter.translate.timings import Marks, Timings, metrics_fields, timings

# vLLM's finish_reason → Ollama's done_reason; what is not here is "stop".
DONE_REASONS = {"length": "length"}


class Translator:
    """The state of one reply.

    `done` is set when the reply is complete, `fault` when it can't be completed; `ended` when
    either is, and the engine need not be listened to any longer. Times are nanoseconds of a
    monotonic clock; `wall_offset` added to one gives nanoseconds since 1970.
    """

    __slots__ = (
        "_calls",
        "_engine_times",
        "_events",
        "_generated_ids",
        "_grounds",
        "_heard",
        "_last_token",
        "_lines",
        "_listening",
        "_logprobs",
        "_ordinary",
        "_payloads",
        "_prompt_ids",
        "_reason",
        "_scanner",
        "_splitter",
        "_wall_offset",
        "_writer",
        "done",
        "ended",
        "fault",
        "marks",
        "spent",
        "usage",
    )

    def __init__(
        self,
        writer: Writer,
        marks: Marks,
        wall_offset: int,
        listening: Listening = ORDINARY,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        """`heard` is called with the first token."""
        self.marks = marks
        self.usage: Usage | None = None
        self.spent: Timings | None = None
        self.fault: AdapterError | None = None
        self.done = self.ended = False
        self._writer = writer
        self._wall_offset = wall_offset
        self._heard = heard
        self._listening = listening
        own_stops = listening.own_stops
        self._scanner = StopScanner(own_stops) if own_stops else None
        self._lines = writer if isinstance(writer, LineWriter) and not own_stops else None
        self._calls = Calls()
        self._logprobs: Logprobs = ()
        self._prompt_ids: Sequence[int] = ()
        self._grounds: Mapping[str, Any] = {}
        self._generated_ids: list[bytes] = []
        """As the engine wrote them, with commas."""
        self._splitter = EventSplitter()
        self._last_token = 0
        self._reason: str | None = None
        self._engine_times: EngineTimes | None = None
        # Learned from the stream: its ordinary events, as payloads and as they come in.
        self._payloads: Layout | None = None
        self._ordinary: Layout | None = None
        self._events: Layout | None = None
        """The same, unless an event is begun: what comes next is no whole one."""

    def feed(self, data: bytes, now: int) -> bytes:
        """What the client gets to read for these bytes of the engine."""
        if self._events and (found := self._events.slice(data)):
            return self._pass(found, now)
        out = self._translate(self._splitter.feed(data), now)
        self._events = self._ordinary if self._splitter.empty else None
        return out

    def finish(self, now: int, broken: AdapterError | None = None) -> bytes:
        """The end of the engine's bytes: the last line, if `feed` has not written it yet.

        `broken` tells how they ended, if not by themselves. A stream that ends before its
        finish_reason, or before both [DONE] and the counts, is a fault, however it ended.
        """
        # An event cut off in the middle has not arrived; what is whole without its blank line has.
        whole = [payload for payload in self._splitter.flush() if read(payload) != [MALFORMED]]
        out = self._translate(whole, now)
        if self.ended:
            return out
        if self._reason is not None and self.usage is not None:
            out += self._close(self._reason, now)
        else:
            self.fault = ended_early(broken)
        self.ended = True
        return out

    @property
    def left_early(self) -> bool:
        """Whether the engine would go on: a stop string of ours ended the answer."""
        return self._scanner is not None and self._scanner.hit

    def _translate(self, payloads: list[bytes], now: int) -> bytes:
        stamp = stamp_of(now + self._wall_offset)
        out: list[bytes] = []
        for payload in payloads:
            if self.ended:
                break
            if self._payloads and (found := self._payloads.slice(payload)):
                out.append(self._pass(found, now))
                continue
            events = read(payload)
            if self._payloads is None and self._lines is not None:
                self._payloads = learn(payload, events)
                self._ordinary = self._payloads.as_event() if self._payloads else None
            out += [self._take(event, stamp, now) for event in events]
            if self._scanner is not None and self._scanner.hit:
                out.append(self._close("stop", now))
            self.ended = self.done or self.fault is not None
        return b"".join(out)

    def _pass(self, found: Slice, now: int) -> bytes:
        """The line for an ordinary event."""
        assert self._lines is not None  # or nothing would have been learned
        text, ids = found
        self._last_token = now
        if ids:
            self._generated_ids.append(ids)
        return self._lines.sliced(text, now + self._wall_offset)

    def _take(self, event: Event, stamp: bytes, now: int) -> bytes:
        match event:
            case Text(text, rows):
                self._mark_token(now)
                return self._say(self._scanner.feed(text) if self._scanner else text, rows, stamp)
            case Thinking(text, rows):
                self._mark_token(now)
                return self._think(text, rows, stamp)
            case CallPart():
                self._mark_token(now)
                self._calls.add(event)
            case Tokens(prompt, generated):
                self._prompt_ids = prompt or self._prompt_ids
                if generated:
                    self._generated_ids.append(b",".join(b"%d" % number for number in generated))
            case Finish(reason):
                return self._end_text(reason, stamp)
            case Usage():
                self.usage = event
            case EngineTimes():
                self._engine_times = event
            case Grounds(fields):
                self._grounds = {**self._grounds, **fields}
            case Fault(message, status):
                self.fault = failed(message, status)
            case Done():
                return self._take_done(now)
        return b""

    def _say(self, text: str, rows: Logprobs, stamp: bytes) -> bytes:
        """A line for some text. Logprobs of tokens without text wait for the next that has some."""
        self._keep_logprobs(rows)
        return self._writer.text(text, stamp, self._waiting_logprobs()) if text else b""

    def _think(self, text: str, rows: Logprobs, stamp: bytes) -> bytes:
        if self._listening.hides_thinking:
            return b""
        self._keep_logprobs(rows)
        return self._writer.thinking(text, stamp, self._waiting_logprobs())

    def _keep_logprobs(self, rows: Logprobs) -> None:
        if rows:
            self._logprobs = [*self._logprobs, *logprobs.shown(rows, self._listening.top_logprobs)]

    def _waiting_logprobs(self) -> Logprobs:
        rows, self._logprobs = self._logprobs, ()
        return rows

    def _take_done(self, now: int) -> bytes:
        if self._reason is None:
            self.fault = failed("unexpected EOF")
            return b""
        return self._close(self._reason, now)

    def _end_text(self, reason: str, stamp: bytes) -> bytes:
        if reason in BROKEN_FINISHES:
            self.fault = failed(ABORTED)
            return b""
        self._reason = DONE_REASONS.get(reason, "stop")
        return self._say(self._scanner.flush(), (), stamp) if self._scanner else b""

    def _close(self, reason: str, now: int) -> bytes:
        try:
            calls = self._calls.whole(cut=reason == "length") if self._calls else []
        except EngineFault as fault:
            if not self.left_early:
                self.fault = fault
                return b""
            calls = []  # a stop string of ours came before the call was whole
        self.done = True
        self.marks.last_token = self._last_token
        self.spent = timings(self.marks, self._engine_times, now)
        closing = Closing(
            reason,
            metrics_fields(self.usage, self.spent),
            calls,
            self._logprobs,
            self._context(),
            self._grounds,
        )
        return self._writer.last(closing, stamp_of(now + self._wall_offset))

    def _context(self) -> Sequence[int]:
        if not self._generated_ids:
            return self._prompt_ids
        return [*self._prompt_ids, *orjson.loads(b"[%b]" % b",".join(self._generated_ids))]

    def _mark_token(self, now: int) -> None:
        if not self.marks.first_token:
            self.marks.first_token = now
            self._heard()
        self._last_token = now
