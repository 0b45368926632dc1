"""One connection, in literal bytes: what its listener hears, and whether it lives on."""

from __future__ import annotations

import gc
import weakref

import pytest

from adapter.upstream.connection import Connection, Hung, NotHTTP
from tests.unit.upstream.wires import Desk, Heard

Told = list[tuple[object, ...]]

OK = b"HTTP/1.1 200 OK\r\n"
SIZED = OK + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
EVENTS = b"data: 1\n\n", b"data: 2\n\n"
FINE = ("over", type(None))


def headed(status: int = 200, **headers: str) -> tuple[object, ...]:
    return "headed", status, {name.replace("_", "-"): value for name, value in headers.items()}


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


# name → (the answer, what is told of it, whether the connection may be used again)
ANSWERS: dict[str, tuple[bytes, Told, bool]] = {
    "a length": (SIZED, [headed(content_length="5"), ("take", b"hello"), FINE], True),
    "no body": (OK + b"Content-Length: 0\r\n\r\n", [headed(content_length="0"), FINE], True),
    "status 204": (b"HTTP/1.1 204 No Content\r\n\r\n", [headed(204), FINE], True),
    "status 304": (
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        [headed(304, content_length="9"), FINE],
        True,
    ),
    "chunks": (
        CHUNKED + chunk(EVENTS[0]) + chunk(EVENTS[1]) + b"0\r\n\r\n",
        [headed(transfer_encoding="chunked"), ("take", b"".join(EVENTS)), FINE],
        True,
    ),
    "no chunks": (CHUNKED + b"0\r\n\r\n", [headed(transfer_encoding="chunked"), FINE], True),
    "chunks with extensions and trailers": (
        CHUNKED + b'5;a=1;b="2"\r\nhello\r\n0\r\nContent-Type: text/evil\r\nX: y\r\n\r\n',
        [headed(transfer_encoding="chunked"), ("take", b"hello"), FINE],
        True,
    ),
    "a refusal": (
        b"HTTP/1.1 400 Bad Request\r\nServer: uvicorn\r\nContent-Length: 2\r\n\r\n{}",
        [headed(400, server="uvicorn", content_length="2"), ("take", b"{}"), FINE],
        True,
    ),
    "a word before": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + SIZED,
        [headed(content_length="5"), ("take", b"hello"), FINE],
        True,
    ),
    "an upgrade that is offered": (
        OK + b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nab",
        [headed(upgrade="h2c", connection="Upgrade", content_length="2"), ("take", b"ab"), FINE],
        True,
    ),
    "any bytes in a header, and no reason": (
        b"HTTP/1.1 200\r\nX-Name: \xe4\r\nContent-Length: 1\r\n\r\na",
        [headed(x_name="\udce4", content_length="1"), ("take", b"a"), FINE],
        True,
    ),
    "Connection: close": (
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nab",
        [headed(connection="close", content_length="2"), ("take", b"ab"), FINE],
        False,
    ),
    "HTTP/1.0": (
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab",
        [headed(content_length="2"), ("take", b"ab"), FINE],
        False,
    ),
    "HTTP/1.0 that stays": (
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab",
        [headed(connection="keep-alive", content_length="2"), ("take", b"ab"), FINE],
        True,
    ),
}
UNTIL_CLOSED: dict[str, tuple[bytes, Told]] = {
    "neither length nor chunks": (OK + b"\r\nhello", [headed(), ("take", b"hello"), FINE]),
    "nothing": (b"HTTP/1.0 200 OK\r\n\r\n", [headed(), FINE]),
    "another encoding": (
        OK + b"Transfer-Encoding: gzip\r\n\r\nhello",
        [headed(transfer_encoding="gzip"), ("take", b"hello"), FINE],
    ),
}
NAMES = pytest.mark.parametrize("name", ANSWERS)


def played(*reads: bytes) -> Desk:
    desk = Desk()
    desk.wire.comes(*reads)
    return desk


@NAMES
class TestAnAnswer:
    def test_in_one_read(self, name: str):
        answer, told, lasts = ANSWERS[name]
        desk = played(answer)
        assert desk.heard.calls == told  # its body in a single call
        assert (desk.idle, desk.wire.aborted) == (([desk.connection], 0) if lasts else ([], 1))
        assert desk.connection.usable is lasts

    def test_cut_anywhere(self, name: str):
        answer, told, lasts = ANSWERS[name]
        for cut in range(1, len(answer)):
            desk = played(answer[:cut], answer[cut:])
            assert desk.heard.told == told, cut
            assert desk.connection.usable is lasts, cut

    def test_byte_by_byte(self, name: str):
        answer, told, lasts = ANSWERS[name]
        desk = played(*(bytes([byte]) for byte in answer))
        assert desk.heard.told == told
        assert desk.connection.usable is lasts

    def test_is_over_once(self, name: str):
        answer, told, _ = ANSWERS[name]
        desk = played(answer)
        desk.wire.closes()
        assert desk.heard.calls == told
        assert desk.gone == [desk.connection]
        assert not desk.connection.usable

    def test_that_stops_anywhere_is_broken(self, name: str):
        answer, told, _ = ANSWERS[name]
        for cut in range(len(answer)):
            for error in (None, ConnectionResetError()):
                desk = played(*filter(None, [answer[:cut]]))
                desk.wire.closes(error)
                assert desk.heard.calls[-1] == ("over", type(error) if error else Hung), cut
                assert [call[0] for call in desk.heard.calls].count("over") == 1
                whole = b"".join(call[1] for call in told if isinstance(call[1], bytes))
                assert whole.startswith(desk.heard.body)
                assert desk.idle == []

    def test_may_be_followed_by_the_next(self, name: str):
        """Nothing of it is left: neither headers nor what it was like."""
        answer, told, lasts = ANSWERS[name]
        desk = played(SIZED)
        for _ in range(3 if lasts else 1):
            heard = Heard()
            desk.connection.ask(b"GET / HTTP/1.1\r\n\r\n", (), heard)
            desk.wire.comes(answer)
            assert heard.calls == told


@pytest.mark.parametrize("name", UNTIL_CLOSED)
class TestAnAnswerThatLastsUntilTheConnectionCloses:
    def test_is_whole_then(self, name: str):
        answer, told = UNTIL_CLOSED[name]
        for cut in range(1, len(answer)):
            desk = played(answer[:cut], answer[cut:])
            assert "over" not in [call[0] for call in desk.heard.calls]
            desk.wire.closes()
            assert desk.heard.told == told, cut
            assert (desk.idle, desk.gone) == ([], [desk.connection])

    def test_is_not_if_it_breaks(self, name: str):
        answer, told = UNTIL_CLOSED[name]
        desk = played(answer)
        desk.wire.closes(ConnectionResetError())
        assert desk.heard.told == [*told[:-1], ("over", ConnectionResetError)]


def test_the_events_of_a_read_are_one_call():
    desk = played(CHUNKED, b"".join(map(chunk, EVENTS)), chunk(EVENTS[0]) + b"9\r\nda", b"ta: 2")
    both = b"".join(EVENTS)
    assert [call[1] for call in desk.heard.calls[1:]] == [both, EVENTS[0] + b"da", b"ta: 2"]


def test_names_are_told_in_small_letters():
    desk = played(OK + b"CONTENT-Type: Text/Event-Stream\r\nContent-Length: 0\r\n\r\n")
    assert desk.heard.calls[0] == headed(content_type="Text/Event-Stream", content_length="0")


class TestARequest:
    def test_is_sent_as_it_is(self):
        desk = Desk(asked=False)
        assert desk.connection.usable
        desk.connection.ask(b"POST / HTTP/1.1\r\n\r\n", (b"\x00bo", b"dy"), desk.heard)
        assert desk.wire.sent == b"POST / HTTP/1.1\r\n\r\n\x00body"
        assert not desk.connection.usable  # one at a time

    def test_that_is_answered_before_it_is_taken_is_the_last(self):
        """An engine that refuses a body may never read the rest of it."""
        desk = Desk()
        desk.wire.unsent = 1
        desk.wire.comes(SIZED)
        assert desk.heard.calls[-1] == FINE
        assert (desk.idle, desk.wire.aborted) == ([], 1)

    def test_on_a_connection_that_was_lost_meanwhile_is_told(self):
        """Between its opening, or its being found idle, and the request."""
        desk = Desk(asked=False)
        desk.wire.closes()
        desk.connection.ask(b"GET / HTTP/1.1\r\n\r\n", (), desk.heard)
        assert desk.heard.calls == [("over", Hung)]


# name → (the reads, what is told of them)
NONSENSE: dict[str, tuple[list[bytes], Told]] = {
    "another protocol": ([b"\x16\x03\x01\x02\x00"], [("over", NotHTTP)]),
    "a request": ([b"GET / HTTP/1.1\r\n\r\n"], [("over", NotHTTP)]),
    "a greeting": ([b"SSH-2.0-OpenSSH_9.2\r\n"], [("over", NotHTTP)]),
    "another HTTP": ([b"HTTP/2 200 OK\r\n\r\n"], [("over", NotHTTP)]),
    "a header that is none": ([OK, b"\x00: x\r\n\r\n"], [("over", NotHTTP)]),
    "a negative length": ([OK, b"Content-Length: -1\r\n\r\n"], [("over", NotHTTP)]),
    "two lengths": (
        [OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"],
        [("over", NotHTTP)],
    ),
    "a length and chunks": (
        [OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"],
        [("over", NotHTTP)],
    ),
    "an upgrade": (
        [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nbytes"],
        [("over", NotHTTP)],
    ),
    "no size of a chunk": (
        [CHUNKED, chunk(b"some"), b"zz\r\n"],
        [headed(transfer_encoding="chunked"), ("take", b"some"), ("over", Hung)],
    ),
    "no size of a chunk, in the same read": (
        [CHUNKED + chunk(b"some") + b"zz\r\n"],
        [headed(transfer_encoding="chunked"), ("take", b"some"), ("over", Hung)],
    ),
    "a chunk longer than it says": (
        [CHUNKED + b"1\r\nsome\r\n"],
        [headed(transfer_encoding="chunked"), ("take", b"s"), ("over", Hung)],
    ),
    "an endless size of a chunk": (
        [CHUNKED + b"f" * 17 + b"\r\n"],
        [headed(transfer_encoding="chunked"), ("over", Hung)],
    ),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_what_is_no_answer_ends_it(name: str):
    """What came before counts: an error comes after the data."""
    reads, told = NONSENSE[name]
    desk = played(*reads)
    assert desk.heard.calls == told
    assert (desk.idle, desk.wire.aborted > 0) == ([], True)
    desk.wire.lost()
    assert desk.heard.calls == told


AFTER = {
    "another answer": SIZED,
    "another answer's head": OK + b"Content-Type: text/evil\r\n\r\n",
    "the beginning of one": b"HTTP/1.1 2",
    "garbage": b"!garbage",
}


@pytest.mark.parametrize("name", AFTER)
@pytest.mark.parametrize("keep", [b"", b"Connection: close\r\n"])
class TestBytesThatNobodyAskedFor:
    ANSWER = OK + b"Content-Length: 5\r\n%b\r\nhello"

    def test_after_an_answer_in_the_same_read(self, name: str, keep: bytes):
        """The answer was whole, and is told as it was; the connection is not used again."""
        desk = played(self.ANSWER % keep + AFTER[name])
        kind, status, headers = desk.heard.calls[0]
        assert (kind, status) == ("headed", 200)
        assert "content-type" not in headers  # type: ignore[operator]
        assert desk.heard.calls[1:] == [("take", b"hello"), FINE]
        assert (desk.idle, desk.wire.aborted > 0) == ([], True)

    def test_in_the_next(self, name: str, keep: bytes):
        desk = played(self.ANSWER % keep)
        told = list(desk.heard.calls)
        desk.wire.comes(AFTER[name])
        assert desk.heard.calls == told
        assert desk.wire.aborted
        assert not desk.connection.usable


def test_bytes_before_anything_was_asked():
    desk = Desk(asked=False)
    desk.wire.comes(SIZED)
    assert desk.wire.aborted
    assert desk.idle == []


def test_the_headers_of_an_answer_stay_as_they_were_told():
    """A second answer, or trailers, change nothing in what the listener holds."""
    kept: list[dict[str, str]] = []

    class Keeper(Heard):
        def headed(self, status: int, headers: dict[str, str]) -> None:
            kept.append(headers)

    for tail in (b"0\r\nX: trailer\r\n\r\n", b"0\r\n\r\n" + OK + b"X: second\r\n\r\n"):
        desk = Desk(asked=False)
        desk.connection.ask(b"", (), Keeper())
        desk.wire.comes(CHUNKED + tail)
    assert kept == [{"transfer-encoding": "chunked"}] * 2


KILO = b"X: " + b"a" * 1024 + b"\r\n"


class TestHeaders:
    @pytest.mark.parametrize(
        "header",
        [
            KILO * 60,
            b"X: " + b"a" * 60 * 1024 + b"\r\n",
        ],
        ids=["many", "a long one"],
    )
    def test_may_be_so_long(self, header: bytes):
        desk = played(OK + header + b"Content-Length: 0\r\n\r\n")
        assert desk.heard.calls[-1] == FINE

    @pytest.mark.parametrize(
        "bomb",
        [
            OK + KILO * 65 + b"Content-Length: 0\r\n\r\n",
            OK + b"X: " + b"a" * 66 * 1024 + b"\r\nContent-Length: 0\r\n\r\n",
            CHUNKED + b"0\r\n" + KILO * 65 + b"\r\n",
            (b"HTTP/1.1 103 Early Hints\r\n" + KILO + b"\r\n") * 65 + SIZED,
        ],
        ids=["many", "a long one", "trailers", "those of many words before"],
    )
    def test_and_no_longer(self, bomb: bytes):
        for reads in ([bomb], [bomb[:1000], bomb[1000:]]):
            desk = played(*reads)
            assert desk.heard.calls[-1] in (("over", NotHTTP), ("over", Hung))
            assert desk.wire.aborted

    @pytest.mark.parametrize(
        "beginning", [b"HTTP/1.1 200 O", OK + b"X", OK + b"X: "], ids=["reason", "name", "value"]
    )
    def test_that_never_end_are_not_kept_for_ever(self, beginning: bytes):
        desk = played(beginning)
        reads = 0
        while not desk.wire.aborted and reads < 1000:
            desk.wire.comes(b"K" * 1024)
            reads += 1
        assert 32 <= reads <= 128
        assert desk.heard.calls == [("over", NotHTTP)]


class TestWhoeverAborts:
    def test_hears_no_more(self):
        desk = played(CHUNKED)
        desk.connection.abort()
        desk.connection.data_received(chunk(b"late"))  # it was read already
        desk.wire.lost()
        assert desk.heard.calls == [headed(transfer_encoding="chunked")]
        assert desk.gone == [desk.connection]

    def test_may_do_it_in_the_middle_of_a_call(self):
        desk = Desk(asked=False)

        class Leaving(Heard):
            def take(self, data: bytes) -> None:
                super().take(data)
                desk.connection.abort()

        for answer in (SIZED, CHUNKED + chunk(b"some")):
            desk = Desk(asked=False)
            heard = Leaving()
            desk.connection.ask(b"", (), heard)
            desk.wire.comes(answer)
            desk.wire.lost()
            assert [call[0] for call in heard.calls] == ["headed", "take"]
            assert desk.idle == []

    def test_may_do_it_twice_and_when_it_is_gone(self):
        desk = Desk()
        desk.connection.abort()
        desk.connection.abort()
        desk.wire.lost()
        desk.connection.abort()
        desk.connection.pause()
        desk.connection.resume()
        assert desk.gone == [desk.connection]


def test_reading_can_be_paused():
    desk = Desk()
    desk.connection.pause()
    assert not desk.wire.reads
    desk.connection.resume()
    assert desk.wire.reads
    desk.connection.abort()
    desk.connection.pause()  # uvloop does not like to be asked then
    assert desk.wire.reads


@pytest.mark.parametrize(
    "reads",
    [[], [SIZED], [CHUNKED + chunk(b"some")], [b"garbage"], [SIZED + b"garbage"], [OK + KILO * 65]],
    ids=["unasked", "whole", "in the middle", "no HTTP", "garbage behind", "too many headers"],
)
def test_a_closed_connection_is_freed_at_once(reads: list[bytes]):
    """Not when the garbage collector comes round: thousands are opened and closed."""

    def closed() -> weakref.ref[Connection]:
        desk = played(*reads)
        desk.wire.closes()
        for kept in (desk.idle, desk.gone, vars(desk.wire)):
            kept.clear()  # type: ignore[attr-defined]
        return weakref.ref(desk.connection)

    gc.collect()
    gc.disable()
    try:
        assert closed()() is None
    finally:
        gc.enable()


LONG = b"a" * 2**16


class TestALongRead:
    """What it brings is taken in several turns, between which others have theirs."""

    ANSWER = OK + b"Content-Length: %d\r\n\r\n" % len(LONG) + LONG

    def test_waits_for_others(self):
        desk = Desk()
        desk.connection.data_received(self.ANSWER)
        turns = 0
        while desk.later:
            assert len(desk.heard.body) == 2**14 * (turns + 1) - self.ANSWER.index(b"a" * 9)
            assert not desk.wire.reads
            desk.later.pop()()
            turns += 1
        assert turns == 4
        assert (desk.heard.body, desk.heard.calls[-1]) == (LONG, FINE)
        assert (desk.wire.reads, desk.idle) == (True, [desk.connection])

    def test_that_was_paused_meanwhile_is_read_on_when_it_is_resumed(self):
        desk = Desk()
        desk.connection.data_received(self.ANSWER[:-1])
        desk.connection.pause()
        while desk.later:
            desk.later.pop()()
        assert not desk.wire.reads
        desk.connection.resume()
        assert desk.wire.reads
        desk.wire.comes(self.ANSWER[-1:])
        assert (desk.heard.body, desk.heard.calls[-1]) == (LONG, FINE)

    def test_is_not_read_on_before_its_turn(self):
        desk = Desk()
        desk.connection.data_received(self.ANSWER[:-1])
        desk.connection.pause()
        desk.connection.resume()
        assert not desk.wire.reads

    def test_is_taken_when_the_connection_is_lost(self):
        desk = Desk()
        desk.connection.data_received(self.ANSWER)
        desk.wire.lost()
        assert (desk.heard.body, desk.heard.calls[-1]) == (LONG, FINE)
        for call in desk.later:
            call()
        assert desk.gone == [desk.connection]

    def test_is_taken_when_an_end_comes_with_it(self):
        """As over TLS, where one batch may hold both."""
        desk = Desk()
        desk.connection.data_received(OK + b"Connection: close\r\n\r\n" + LONG)
        desk.connection.eof_received()
        assert (desk.heard.body, desk.heard.calls[-1]) == (LONG, FINE)

    @pytest.mark.parametrize("lost", [False, True], ids=["its turn comes", "it is lost"])
    def test_that_its_listener_can_not_take_ends_the_answer(self, lost: bool):
        class Stumbling(Heard):
            def take(self, data: bytes) -> None:
                super().take(data)
                if len(self.calls) > 2:
                    raise ZeroDivisionError

        desk, stumbling = Desk(asked=False), Stumbling()
        desk.connection.ask(b"", (), stumbling)
        desk.connection.data_received(self.ANSWER)
        with pytest.raises(ZeroDivisionError):
            desk.wire.lost() if lost else desk.later.pop()()
        assert [call[0] for call in stumbling.calls[-2:]] == ["take", "over"]
        if not lost:
            assert desk.wire.aborted
            desk.wire.lost()
        assert desk.gone == [desk.connection]

    def test_is_dropped_when_somebody_aborts(self):
        desk = Desk()
        desk.connection.data_received(self.ANSWER)
        told = list(desk.heard.calls)
        desk.connection.abort()
        for call in desk.later:
            call()
        desk.wire.lost()
        assert desk.heard.calls == told

    def test_after_an_answer_is_none_of_the_next(self):
        desk = Desk()
        desk.connection.data_received(SIZED + LONG)
        assert desk.heard.calls[-1] == FINE
        assert (desk.idle, desk.wire.aborted > 0) == ([], True)

    @pytest.mark.parametrize("at", [2**14 - 1, 2**14, 2**14 + 1])
    def test_that_goes_on_after_the_answers_end(self, at: int):
        """The end of the answer falls around the end of a turn."""
        answer = OK + b"Content-Length: %05d\r\n\r\n"
        body = b"b" * (at - len(answer % 0))
        desk = Desk()
        desk.connection.data_received(answer % len(body) + body + b"HTTP/1.1 200 OK\r\n" * 2000)
        while desk.later:
            desk.later.pop()()
        assert desk.heard.body == body
        assert desk.heard.calls[-1] == FINE
        assert (desk.idle, desk.wire.aborted > 0) == ([], True)
