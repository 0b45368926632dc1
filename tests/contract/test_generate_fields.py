"""What /api/generate has beside a prompt: raw, suffix, template, system, context."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.support import plays
from tests.support.masks import masked
from tests.support.scripted_vllm import CHAT, COMPLETIONS, ScriptedVLLM
from tests.support.serve import Adapter, serving
from tests.support.word_tokens import WordTokens
from tests.support.words import words

PROMPT = {"model": "tiny-chat", "prompt": "hi"}
COMPLETION = {
    "model": "tiny-chat",
    "prompt": "hi",
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_tokens": 4096,
}
HEAD = b'{"model":"tiny-chat","created_at":"T",'
FIM = {"prefix": "<PRE> ", "suffix": " <SUF>", "middle": " <MID>"}


async def asked(scripted, adapter, **fields: object) -> tuple[str, dict]:
    """Where the request went, and as what."""
    reply = await adapter.post("/api/generate", PROMPT | fields)
    assert reply.status == 200, reply.text
    [received] = scripted.seen
    scripted.seen.clear()
    return received.path, received.body


async def refused(scripted, adapter, **fields: object) -> tuple[int, str]:
    reply = await adapter.post("/api/generate", PROMPT | fields)
    assert scripted.seen == []
    assert list(reply.json) == ["error"]
    return reply.status, reply.json["error"]


# --- raw ------------------------------------------------------------------------------------


async def test_raw_goes_out_as_it_is(scripted, adapter):
    assert await asked(scripted, adapter, raw=True) == (COMPLETIONS, COMPLETION)
    options = {"num_predict": 5, "seed": 1}
    _, body = await asked(scripted, adapter, raw=True, options=options)
    assert (body["max_tokens"], body["seed"]) == (5, 1)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_recorded_completion(scripted, adapter, stream: bool):
    scripted.play = plays.recorded("compl_stream_usage")
    reply = await adapter.post("/api/generate", PROMPT | {"raw": True, "stream": stream})
    end = (
        b'"done":true,"done_reason":"length","total_duration":1,"load_duration":1,'
        b'"prompt_eval_count":4,"prompt_eval_duration":1,"eval_count":6,"eval_duration":1}'
    )
    line = HEAD + b'"response":" needed","done":false}\n'
    if stream:
        expected = [line] * 6 + [HEAD + b'"response":"",' + end + b"\n"]
    else:
        expected = [HEAD + b'"response":"%b",' % (b" needed" * 6) + end]
    assert [masked(chunk) for chunk in reply.chunks] == expected


@pytest.mark.parametrize(
    "fields",
    [{"template": "x"}, {"system": "x"}, {"context": [1]}, {"context": [1], "think": False}],
)
async def test_raw_excludes_what_a_template_is_for(scripted, adapter, fields):
    assert await refused(scripted, adapter, raw=True, **fields) == (
        400,
        "raw mode does not support template, system, or context",
    )


# --- template, system -----------------------------------------------------------------------


async def test_a_template_of_the_requests(scripted, adapter):
    template = "{{ if .System }}<s>{{ .System }}</s>{{ end }}<u>{{ .Prompt }}</u>"
    path, body = await asked(scripted, adapter, template=template, system="be kind")
    assert path == COMPLETIONS
    assert body == COMPLETION | {
        "prompt": "<s>be kind</s><u>hi</u>",
        "return_token_ids": True,
    }


@pytest.mark.parametrize("template", ["{{ .Prompt", "{{ nope }}", "{{ if }}{{ end }}"])
async def test_a_bad_template(scripted, adapter, template: str):
    status, text = await refused(scripted, adapter, template=template)
    assert status == 500
    assert text.startswith("template: ")


async def test_a_system_text(scripted, adapter):
    path, body = await asked(scripted, adapter, system="be kind")
    assert path == CHAT
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


# --- suffix ---------------------------------------------------------------------------------


async def test_a_suffix_needs_a_model_that_can_fill_in(scripted, adapter):
    assert await refused(scripted, adapter, suffix="x") == (
        400,
        "registry.ollama.ai/library/tiny-chat:latest does not support insert",
    )


@pytest.fixture
async def filling_in(scripted) -> AsyncIterator[Adapter]:
    models = {
        "tiny-chat": {"upstream": "engine0", "capabilities": ["completion", "insert"]},
        "coder": {"upstream": "engine0", "served_name": "tiny-chat", "fim": FIM},
    }
    async with serving(scripted.url, models=models) as running:
        await running.until_ready()
        yield running


async def test_a_suffix_with_marks(scripted, filling_in):
    path, body = await asked(scripted, filling_in, model="coder", suffix="end")
    assert path == COMPLETIONS
    assert body == COMPLETION | {
        "prompt": "<PRE> hi <SUF>end <MID>",
        "return_token_ids": True,
    }
    path, _ = await asked(scripted, filling_in, model="coder", suffix="")
    assert path == CHAT


async def test_a_suffix_without_marks_is_vllms(scripted, filling_in):
    path, body = await asked(scripted, filling_in, suffix="end")
    assert (path, body["prompt"], body["suffix"]) == (COMPLETIONS, "hi", "end")


async def test_an_engine_that_cannot_fill_in_says_so(scripted, filling_in):
    scripted.play = plays.recorded("compl_suffix")
    reply = await filling_in.post("/api/generate", PROMPT | {"suffix": "x"})
    assert (reply.status, reply.json) == (
        400,
        {"error": "suffix is only supported for models with FIM completion rendering"},
    )


# --- context --------------------------------------------------------------------------------


async def test_the_context_of_a_recorded_answer(scripted, adapter):
    scripted.play = plays.recorded("chat_return_token_ids_stream")
    reply = await adapter.post("/api/generate", PROMPT)
    ids = [1, 543, 262, 74, 1206, 81, 2030, 2, 1, 1557, 339, 869, 201, *[201] * 6]
    assert reply.lines[-1]["context"] == ids
    whole = (await adapter.post("/api/generate", PROMPT | {"stream": False})).json
    assert whole["context"] == ids
    keys = list(whole)
    assert keys[keys.index("done_reason") + 1] == "context"
    assert scripted.bodies[0]["return_token_ids"] is True


async def test_a_context_is_gone_on_with(scripted, adapter):
    tokens = WordTokens(4096)
    scripted.play = tokens.play
    first = (await adapter.post("/api/generate", PROMPT | {"stream": False})).json["context"]
    scripted.seen.clear()
    reply = await adapter.post("/api/generate", PROMPT | {"prompt": "and now", "context": first})
    assert reply.status == 200, reply.text
    sent = scripted.bodies[-1]
    assert scripted.seen[-1].path == COMPLETIONS
    assert sent["prompt"][: len(first)] == first
    turn = tokens.words(sent["prompt"][len(first) :])
    assert turn == ["<end>", "<user>", "and", "now", "<end>", "<assistant>"]
    assert sent["return_token_ids"] is True
    assert [received.path for received in scripted.seen[:-1]] == ["/tokenize"] * 2


async def test_a_context_that_ends_its_turn_is_not_ended_twice(scripted, adapter):
    tokens = WordTokens(4096)
    [end] = tokens.tokens(["<end>"])
    scripted.play = tokens.play
    await adapter.post("/api/generate", PROMPT | {"context": [77, 78, end]})
    sent = scripted.bodies[-1]["prompt"]
    assert tokens.words(sent[2:]) == ["<end>", "<user>", "hi", "<end>", "<assistant>"]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"template": "x"}, "template"),
        ({"images": ["QUJD"]}, "images"),
    ],
)
async def test_what_a_context_excludes(scripted, adapter, fields, word: str):
    assert await refused(scripted, adapter, context=[1], **fields) == (
        400,
        f"context can't be combined with {word}",
    )


async def test_an_engine_that_tells_no_tokens_has_no_context(scripted, adapter):
    scripted.play = plays.recorded("emb_on_chat")
    reply = await adapter.post("/api/generate", PROMPT | {"context": [1]})
    assert (reply.status, reply.json) == (400, {"error": '"tiny-chat" does not support context'})


@pytest.mark.parametrize(
    ("value", "kind"), [(b'"x"', "string"), (b"{}", "object"), (b"5", "number")]
)
async def test_a_context_of_another_kind(scripted, adapter, value: bytes, kind: str):
    reply = await adapter.post(
        "/api/generate", b'{"model":"tiny-chat","prompt":"hi","context":%b}' % value
    )
    assert reply.status == 400
    assert reply.json["error"].startswith(f"json: cannot unmarshal {kind} into Go struct field ")


@pytest.mark.parametrize("context", [[], None])
async def test_an_empty_context_is_none(scripted, adapter, context):
    path, _ = await asked(scripted, adapter, context=context)
    assert path == CHAT


async def test_a_prompt_that_is_empty_only_loads(scripted, adapter):
    for fields in ({"raw": True}, {"context": [1]}, {"system": "x"}, {"images": ["QUJD"]}):
        reply = await adapter.post("/api/generate", PROMPT | {"prompt": ""} | fields)
        assert masked(reply.body) == HEAD + b'"response":"","done":true,"done_reason":"load"}'
    assert scripted.seen == []


async def test_an_engine_that_is_no_vllm_is_not_asked_for_ids():
    server = ScriptedVLLM(words)
    await server.up()
    settings = {"capabilities": ["completion"], "upstream": "engine0"}
    async with serving(server.url, models={"tiny-chat": settings}) as adapter:
        await adapter.until_ready()
        lines = (await adapter.post("/api/generate", PROMPT)).lines
        assert lines[-1]["context"] == [0, 1, 2]
        assert json.dumps(lines[-1]).count("context") == 1
    await server.down()
