import pytest

from tests.support import recordings
from tests.support.recordings import recording

CUT_BY_HAND = {  # a model path was shortened, so the length is no longer that of the header
    name
    for name in recordings.names()
    if b"models/" in recording(name).body or b"(text cut)" in recording(name).body
}


@pytest.mark.parametrize("name", recordings.names())
def test_a_recording_is_whole(name: str):
    found = recording(name)
    headers = dict(found.headers)
    assert 200 <= found.status < 600
    assert b"# took" not in found.body
    assert b"curl rc" not in found.body
    assert b"similar events cut" not in found.body
    if "content-length" in headers and name not in CUT_BY_HAND:
        assert len(found.body) == int(headers["content-length"])
    if headers.get("content-type", "").startswith("text/event-stream"):
        assert found.events
        assert b"".join(found.events) == found.body
        assert all(
            line.startswith((b"data: ", b"event: ", b": "))
            for event in found.events
            for line in event[:-2].split(b"\n")
        )


def test_a_recording_with_a_request():
    found = recording("chat_stop")
    assert (found.method, found.path) == ("POST", "/v1/chat/completions")
    assert found.request.endswith(b'"stop": ["zzz", "\\n\\n"]}')
    assert found.body.endswith(b"}")


def test_a_recording_from_curl_without_headers():
    found = recording("stream_abort")
    assert found.status == 200
    assert found.events[-1] == b"data: [DONE]\n\n"
    assert len(found.events) == 13
