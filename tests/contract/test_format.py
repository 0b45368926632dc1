"""`format`: JSON, a schema, or an error in Ollama's words."""

import pytest

from tests.support import plays

SCHEMA = {"type": "object", "properties": {"b": {"type": "integer"}, "a": {"type": "string"}}}
CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hi"}]}
GENERATE = {"model": "tiny-chat", "prompt": "hi"}
ROUTES = [
    ("/api/chat", CHAT),
    ("/api/generate", GENERATE),
    ("/api/generate", GENERATE | {"raw": True}),
]


@pytest.mark.parametrize(("path", "body"), ROUTES)
@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("json", {"type": "json_object"}),
        (SCHEMA, {"type": "json_schema", "json_schema": {"name": "format", "schema": SCHEMA}}),
        ({}, {"type": "json_schema", "json_schema": {"name": "format", "schema": {}}}),
        ("", None),
        (None, None),
    ],
)
async def test_what_vllm_is_asked(scripted, adapter, path, body, value, sent):
    reply = await adapter.post(path, body | {"format": value})
    assert reply.status == 200, reply.text
    assert scripted.bodies[0].get("response_format") == sent
    if value == SCHEMA:
        schema = scripted.bodies[0]["response_format"]["json_schema"]["schema"]
        assert list(schema["properties"]) == ["b", "a"]


@pytest.mark.parametrize(("path", "body"), ROUTES)
@pytest.mark.parametrize("stream", [b"true", b"false"])
@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        (b'"xml"', rb"\"\\\"xml\\\"\""),
        (b"5", rb"\"5\""),
        (b"true", rb"\"true\""),
        (b"[1]", rb"\"[1]\""),
    ],
)
async def test_what_is_no_format(scripted, adapter, path, body, stream, value, quoted):
    fields = b'"prompt":"hi","messages":[{"role":"user","content":"hi"}],"stream":%b' % stream
    reply = await adapter.post(path, b'{"model":"tiny-chat",%b,"format":%b}' % (fields, value))
    assert reply.status == 500
    assert reply.body == (
        rb'{"error":"invalid format: %b; expected \"json\" or a valid JSON Schema object"}' % quoted
    )
    assert scripted.seen == []


async def test_a_schema_that_the_engine_does_not_take_is_its_to_refuse(scripted, adapter):
    scripted.play = plays.recorded("rf_bad_schema")
    reply = await adapter.post("/api/chat", CHAT | {"format": {"type": "nonsense"}})
    assert reply.status == 400
    assert "Invalid type: nonsense" in reply.json["error"]


@pytest.mark.parametrize("depth", range(235, 258))
async def test_a_schema_is_refused_or_sent_however_deep_it_is(scripted, adapter, depth):
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    turns = b'[{"role":"user","content":"hi"}]'
    body = b'{"model":"tiny-chat","messages":%b,"format":%b}' % (turns, deep)
    reply = await adapter.post("/api/chat", body)
    if reply.status != 200:
        assert (reply.status, reply.json) == (400, {"error": "json: exceeded max depth"})
