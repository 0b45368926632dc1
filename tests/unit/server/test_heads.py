from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import pytest

from adapter.server.heads import LAST_CHUNK, head


def lines(written: bytes) -> list[bytes]:
    """Of a head, without its date, which is checked."""
    assert written.endswith(b"\r\n\r\n")
    *found, date = written[:-4].split(b"\r\n")
    name, _, when = date.decode().partition(": ")
    assert name == "Date"
    assert abs(parsedate_to_datetime(when).timestamp() - time.time()) < 5
    return found


def test_a_whole_answer():
    headers = {"Content-Type": "text/plain", "X-Request-Id": "a"}
    assert lines(head(200, headers, 12, lasts=True)) == [
        b"HTTP/1.1 200 OK",
        b"Content-Type: text/plain",
        b"X-Request-Id: a",
        b"Content-Length: 12",
    ]


def test_an_answer_in_chunks():
    found = lines(head(200, {}, None, lasts=True))
    assert found == [b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked"]
    assert LAST_CHUNK == b"0\r\n\r\n"


def test_nothing_is_a_length():
    assert lines(head(403, {}, 0, lasts=True)) == [b"HTTP/1.1 403 Forbidden", b"Content-Length: 0"]


@pytest.mark.parametrize("length", [0, 5, None])
@pytest.mark.parametrize("status", [204, 304])
def test_no_word_of_the_size_of_what_has_no_body(status: int, length: int | None):
    assert len(lines(head(status, {}, length, lasts=True))) == 1


@pytest.mark.parametrize("length", [0, 5, None])
def test_the_last_answer_of_a_connection(length: int | None):
    assert lines(head(503, {}, length, lasts=False))[2:] == [b"Connection: close"]


@pytest.mark.parametrize("status", [status for status in HTTPStatus if status >= 200])
def test_a_status_has_its_phrase(status: HTTPStatus):
    first = lines(head(status, {}, 0, lasts=True))[0].decode()
    assert first == f"HTTP/1.1 {status.value} {status.phrase}"


@pytest.mark.parametrize("status", [419, 499, 520, 529, 599])
def test_a_status_that_has_none(status: int):
    """An engine's, or that of a proxy before it, is passed on whatever it is."""
    assert lines(head(status, {}, 0, lasts=True))[0] == b"HTTP/1.1 %d " % status


def test_two_answers_in_one_second_have_one_date(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(time, "time", lambda: 1_795_227_526.9)
    dated = head(200, {}, 0, lasts=True)
    assert dated.endswith(b"\r\nDate: Sat, 21 Nov 2026 02:18:46 GMT\r\n\r\n")
    monkeypatch.setattr(time, "time", lambda: 1_795_227_526.1)
    assert head(200, {}, 0, lasts=True) == dated
    monkeypatch.setattr(time, "time", lambda: 1_795_227_527.0)
    assert head(200, {}, 0, lasts=True) != dated
