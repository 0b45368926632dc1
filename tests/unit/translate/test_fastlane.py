from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.translate.fastlane import Layout, learn
from adapter.translate.reading import read
from tests.support.recordings import recording

PLAIN = (
    b'{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":null,'
    b'"finish_reason":null}]}'
)
WITH_IDS = PLAIN.replace(b'"finish_reason":null', b'"finish_reason":null,"token_ids":[7,8]')
COMPLETION = (
    b'{"id":"c","model":"m","choices":[{"index":0,"text":"Hi","logprobs":null,'
    b'"finish_reason":null,"stop_reason":null,"prompt_token_ids":null,"token_ids":[7]}]}'
)


def learned(payload: bytes) -> Layout:
    layout = learn(payload, read(payload))
    assert layout is not None
    return layout


@pytest.mark.parametrize(("payload", "ids"), [(PLAIN, b""), (WITH_IDS, b"7,8"), (COMPLETION, b"7")])
def test_what_was_learned_fits_where_it_was_learned(payload: bytes, ids: bytes):
    assert learned(payload).slice(payload) == (b"Hi", ids)
    assert learned(payload).as_event().slice(b"data: " + payload + b"\n\n") == (b"Hi", ids)


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (b"9", (b"Hi", b"9")),
        (b"1,2,3", (b"Hi", b"1,2,3")),
        (b"", None),
        (b"-1", None),
        (b"1.5", None),
        (b"1,", None),
        (b'1],"x":[2', None),
    ],
)
def test_ids_are_numbers_or_the_event_is_read(ids: bytes, found: object):
    event = WITH_IDS.replace(b"7,8", ids)
    assert learned(WITH_IDS).slice(event) == found


@pytest.mark.parametrize(
    "payload",
    [
        PLAIN.replace(b'"Hi"', b'""'),  # says nothing
        PLAIN.replace(b'"finish_reason":null', b'"finish_reason":"stop"'),
        PLAIN.replace(b'"content":"Hi"', b'"reasoning":"Hi"'),
        COMPLETION.replace(b'"prompt_token_ids":null', b'"prompt_token_ids":[1]'),
        PLAIN[:-1] + b',"usage":{"prompt_tokens":1,"completion_tokens":1}}',
        recording("chat_logprobs_stream").events[1][6:].strip(),
        b"[DONE]",
        b"{",
    ],
)
def test_from_other_events_nothing_is_learned(payload: bytes):
    assert learn(payload, read(payload)) is None


@pytest.mark.parametrize(
    "text", [b'a"},"x":{"y":"b', b"a\\", b"a\\u12", b"\xff", b"a\xe2\x80\xa8b", b"a\nb", b""]
)
def test_text_that_is_none_is_read(text: bytes):
    for payload in (PLAIN, WITH_IDS):
        assert learned(payload).slice(payload.replace(b"Hi", text)) is None


@given(st.text(min_size=1), st.lists(st.integers(0, 2**31), min_size=1))
def test_a_slice_is_what_reading_finds_or_nothing(text: str, ids: list[int]):
    written = json.dumps(text, ensure_ascii=False).encode(errors="replace")
    listed = b",".join(b"%d" % number for number in ids)
    event = WITH_IDS.replace(b'"Hi"', written).replace(b"7,8", listed)
    found = learned(WITH_IDS).slice(event)
    if found is not None:
        assert found == (written[1:-1], listed)
        assert read(event)[0].text == json.loads(written)
