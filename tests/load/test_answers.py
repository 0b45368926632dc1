from __future__ import annotations

import orjson
import pytest

from tests.load import script
from tests.load.answers import Answer, dechunked
from tests.load.dialects import GENERATE, OLLAMA, OPENAI, Dialect
from tests.load.script import BURST, PIECES, Order

ORDER = Order(1, 40, BURST)


def ollama_stream(tokens: int) -> bytes:
    def line(said: str, **more: object) -> bytes:
        message = {"role": "assistant", "content": said}
        return orjson.dumps({"model": "m", "message": message, **more}) + b"\n"

    said = [PIECES[at % len(PIECES)] for at in range(tokens)]
    lines = [*(line(piece, done=False) for piece in said), line("", done=True)]
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(map(script.http_chunk, lines)) + script.LAST_CHUNK


STREAMS = {
    "ollama": (OLLAMA, ollama_stream(40)),
    "openai": (OPENAI, script.STREAM_HEAD + script.everything(40)),
}


def fed(dialect: Dialect, data: bytes, size: int, *, stream: bool = True) -> Answer:
    answer = Answer(dialect, ORDER, stream)
    for at in range(0, len(data), size):
        assert not answer.over
        answer.feed(data[at : at + size])
    return answer


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10**6])
@pytest.mark.parametrize("name", STREAMS)
def test_a_right_answer_however_it_is_cut(name: str, size: int):
    answer = fed(*STREAMS[name], size)
    assert answer.over
    assert answer.fault() == ""
    assert answer.tokens == 40 + (name == "ollama")  # the last line has an empty text


@pytest.mark.parametrize("name", STREAMS)
def test_lost_text_is_found(name: str):
    dialect, data = STREAMS[name]
    assert fed(dialect, data.replace(b"quick", b"quack"), 50).fault() == "wrong text"


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_breaks_off(name: str):
    dialect, data = STREAMS[name]
    answer = fed(dialect, data[:-5], 50)
    answer.lost()
    assert answer.fault() == "cut"


def test_a_stream_that_ends_without_its_last_line():
    head, _, body = ollama_stream(40).partition(b"\r\n\r\n")
    lines = dechunked(body).splitlines(keepends=True)[:-1]
    data = head + b"\r\n\r\n" + b"".join(map(script.http_chunk, lines)) + script.LAST_CHUNK
    assert fed(OLLAMA, data, 50).fault() == "malformed"


def test_the_first_token_is_no_role():
    answer = Answer(OPENAI, ORDER, True)
    answer.feed(script.STREAM_HEAD + script.ROLE_CHUNK)
    assert answer.tokens == 0
    answer.feed(script.TOKEN_CHUNKS[0])
    assert answer.tokens == 1


def test_a_whole_answer():
    assert fed(OPENAI, script.with_length(script.whole(40)), 9, stream=False).fault() == ""


def test_a_body_that_ends_with_the_connection():
    answer = fed(OPENAI, b"HTTP/1.1 200 OK\r\n\r\n" + script.whole(40), 100, stream=False)
    assert not answer.over
    answer.lost()
    assert answer.over
    assert answer.fault() == ""


def test_a_refusal():
    data = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}"
    assert fed(OLLAMA, data, 100).fault() == "status 503"


def test_no_answer():
    assert Answer(OLLAMA, ORDER, True).fault() == "no answer"


@pytest.mark.parametrize("body", [b"3\r\nabcd\r\n0\r\n\r\n", b"x\r\n", b"5\r\nabc"])
def test_wrong_framing(body: bytes):
    with pytest.raises(ValueError):
        dechunked(body)


def test_a_peer_whose_chats_stream_as_generate_does():
    said = ["", *(PIECES[at % len(PIECES)] for at in range(40)), ""]
    rows = [{"response": piece, "done": at == 41} for at, piece in enumerate(said)]
    lines = [orjson.dumps(row) + b"\n" for row in rows]
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    data = head + b"".join(map(script.http_chunk, lines)) + script.LAST_CHUNK
    answer = Answer(GENERATE, ORDER, True)
    answer.feed(data[: data.index(b"the")])
    assert answer.tokens == 1
    answer.feed(data[data.index(b"the") :])
    assert answer.fault() == ""
