"""/v1/chat/completions and /v1/completions: what the engine is asked, what the client is told."""

import json
import sys

import pytest

from tests.support import plays
from tests.support.raw_http import send
from tests.support.recordings import recording
from tests.support.serve import serving

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
HI = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
ZSTD = {"Content-Encoding": "zstd", "Content-Type": "application/json"}
PNG = "data:image/png;base64,iVBORw0KGgo="


def error(message: str, kind: str = "invalid_request_error") -> dict:
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


async def sent(house, request: dict, path: str = CHAT, model: str = "natplain") -> dict:
    """The body that the engine got."""
    reply = await house.adapter.post(path, {"model": model, "messages": HI} | request)
    assert reply.status == 200, reply.text
    return house.chat.bodies[-1]


async def refused(house, request: dict, path: str = CHAT, model: str = "natplain") -> dict:
    reply = await house.adapter.post(path, {"model": model, "messages": HI} | request)
    assert reply.status == 400
    assert reply.headers["content-type"].startswith("application/json")
    assert house.chat.bodies == []
    return reply.json


async def test_what_vllm_knows_goes_on_as_it_is(house):
    """What Ollama ignores too: the fields of OpenAI and of vLLM."""
    fields = {
        "n": 2,
        "logit_bias": {"2": 1},
        "max_completion_tokens": 5,
        "top_k": 3,
        "user": "u",
        "response_format": {"type": "json_object"},
        "unheard_of": {"a": [1]},
    }
    body = await sent(house, fields)
    assert body == fields | {"model": "natplain", "messages": HI}


async def test_tools_go_on_as_they_are(house):
    fields = {"tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False}
    body = await sent(house, fields, model="nat")
    assert {key: body[key] for key in fields} == fields


async def test_n_choices_come_back(house):
    reply = await house.adapter.post(CHAT, {"model": "natplain", "messages": HI, "n": 2})
    assert [choice["index"] for choice in reply.json["choices"]] == [0, 1]


@pytest.mark.parametrize(
    "dropped",
    [
        {"tools": []},
        {"tools": [], "tool_choice": "auto"},
        {"tool_choice": "none"},
        {"tools": None, "stop": None, "seed": None},
        {"stream_options": {"include_usage": True}},
        {"stop": ""},
        {"stop": [""]},
        {"max_tokens": -1},
        {"max_completion_tokens": 0},
        {"reasoning_effort": "none"},
        {"reasoning": {"effort": "none"}},
        {"reasoning": {}},
        {"think": False},
        {"keep_alive": "5m"},
        {"options": {"num_ctx": 5}},
        {"options": None},
    ],
    ids=json.dumps,
)
async def test_what_vllm_refuses_or_has_no_use_for_is_left_out(house, dropped):
    assert await sent(house, dropped) == {"model": "natplain", "messages": HI}


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({"max_tokens": 32000}, {"max_tokens": 8192}),
        ({"max_completion_tokens": 32000}, {"max_completion_tokens": 8192}),
        ({"max_tokens": 5.0}, {"max_tokens": 5}),
        ({"stop": ["", "a"]}, {"stop": ["a"]}),
        (
            {"options": {"temperature": 0.5, "num_predict": 7}},
            {"temperature": 0.5, "max_tokens": 7},
        ),
        ({"options": {"temperature": 0.5}, "temperature": 1}, {"temperature": 1}),
        ({"options": {"num_predict": 7}, "max_completion_tokens": 3}, {"max_completion_tokens": 3}),
    ],
    ids=json.dumps,
)
async def test_what_is_said_otherwise(house, given, seen):
    assert await sent(house, given) == {"model": "natplain", "messages": HI} | seen


@pytest.mark.parametrize(
    ("asked", "effort", "on"),
    [
        ({}, None, True),
        ({"reasoning_effort": "none"}, None, False),
        ({"reasoning_effort": "minimal"}, "minimal", True),
        ({"reasoning_effort": "high"}, "high", True),
        ({"reasoning_effort": "ultra"}, "max", True),
        ({"reasoning": {"effort": "low"}}, "low", True),
        ({"reasoning": {"effort": "low"}, "reasoning_effort": "high"}, "low", True),
        ({"think": False}, None, False),
        ({"think": "medium"}, "medium", True),
    ],
)
async def test_thinking(house, asked, effort, on):
    """A model that can think does, unless it is told not to."""
    body = await sent(house, asked, model="nat")
    assert body.get("reasoning_effort") == effort
    assert body["chat_template_kwargs"] == {"enable_thinking": on, "thinking": on}


async def test_the_clients_own_template_variables_win(house):
    given = {"chat_template_kwargs": {"enable_thinking": False, "x": 1}}
    body = await sent(house, given, model="nat")
    assert body["chat_template_kwargs"] == {"enable_thinking": False, "thinking": True, "x": 1}


@pytest.mark.parametrize(
    ("turns", "seen"),
    [
        ([{"role": "developer", "content": "a"}], [{"role": "system", "content": "a"}]),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": PNG}]}],
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG}}]}],
        ),
        (
            [{"role": "assistant", "content": "a", "tool_calls": []}],
            [{"role": "assistant", "content": "a"}],
        ),
        (
            [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}],
            [
                {
                    "role": "assistant",
                    "tool_calls": [
                        {
                            "function": {"name": "f", "arguments": "{}"},
                            "id": "call00000",
                            "type": "function",
                        }
                    ],
                }
            ],
        ),
    ],
)
async def test_messages(house, turns, seen):
    assert (await sent(house, {"messages": turns}))["messages"] == seen


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"messages": []}, "[] is too short - 'messages'"),
        ({"messages": None}, "[] is too short - 'messages'"),
        ({"messages": [{"role": "user"}]}, "invalid message content type: <nil>"),
        ({"messages": [{"role": "user", "content": 5}]}, "invalid message content type: float64"),
        ({"messages": [{"content": [5]}]}, "invalid message format"),
        ({"messages": [{"content": [{"type": "x"}]}]}, "invalid message format"),
        (
            {"messages": [{"content": "", "tool_calls": [{"function": {"arguments": "["}}]}]},
            "invalid tool call arguments",
        ),
        (
            {"messages": [{"content": "", "tool_calls": [{"function": {"arguments": "[]"}}]}]},
            "invalid tool call arguments",
        ),
        ({"top_logprobs": 21}, "top_logprobs must be between 0 and 20"),
        ({"think": True}, '"natplain" does not support thinking'),
        ({"reasoning_effort": "low"}, '"natplain" does not support thinking'),
        ({"tools": [TOOL]}, "registry.ollama.ai/library/natplain:latest does not support tools"),
        ({"keep_alive": "5x"}, 'time: unknown unit "x" in duration "5x"'),
        ({"options": {"seed": "x"}}, 'option "seed" must be of type integer'),
        ({"model": ""}, "model is required"),
        ({"model": "a b"}, "invalid model name"),
    ],
)
async def test_refusals_in_ollamas_words(house, request_, message):
    assert await refused(house, request_) == error(message)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x.png", "HTTPS://x/y.png", "file:///etc/passwd", "ftp://x", "x", 5]
)
@pytest.mark.parametrize("kind", ["image_url", "video_url", "audio_url"])
async def test_nothing_is_fetched_for_a_client(house, kind, url):
    part = {"type": kind, kind: {"url": url}}
    await refused(house, {"messages": [{"role": "user", "content": [part]}]})


async def test_an_unknown_model(house):
    reply = await house.adapter.post(CHAT, {"model": "nope", "messages": HI})
    assert (reply.status, reply.json) == (404, error("model 'nope' not found", "not_found_error"))


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_names_the_model_as_it_was_asked_for(house, stream):
    asked = {"model": " library/NATPLAIN ", "messages": HI, "stream": stream}
    reply = await house.adapter.post(CHAT, asked)
    assert b'"model":" library/NATPLAIN "' in reply.body
    assert b'"natplain"' not in reply.body
    assert house.chat.bodies[-1]["model"] == "natplain"


async def test_a_whole_answer_but_for_the_name_is_vllms_own(scripted, adapter):
    scripted.play = plays.recorded("chat_nonstream")
    reply = await adapter.post(CHAT, {"model": "TINY-chat", "messages": HI})
    recorded = json.loads(recording("chat_nonstream").body)
    assert reply.json == recorded | {"model": "TINY-chat"}
    assert list(reply.json) == list(recorded)


async def test_calls_of_a_whole_answer_are_numbered(scripted, adapter):
    scripted.play = plays.recorded("tool_auto_forced_two")
    request = {"model": "tiny-chat", "messages": HI}
    reply = await adapter.post(CHAT, request)
    calls = reply.json["choices"][0]["message"]["tool_calls"]
    assert [call["index"] for call in calls] == [0, 1]


async def test_a_stream_under_its_own_name_is_vllms_byte_for_byte(scripted, adapter):
    scripted.play = plays.recorded("chat_stream_usage")
    request = {"model": "tiny-chat", "messages": HI, "stream": True}
    reply = await adapter.post(CHAT, request | {"stream_options": {"include_usage": True}})
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.body == recording("chat_stream_usage").body.strip() + b"\n\n"


async def test_counts_that_nobody_asked_for_are_for_the_metrics_alone(house):
    asked = {"model": "natplain", "messages": HI, "stream": True}
    reply = await house.adapter.post(CHAT, asked)
    assert b'"usage":{' not in reply.body
    assert reply.text.endswith("data: [DONE]\n\n")
    labels = {"model": "natplain:latest"}
    assert await house.adapter.metric("adapter_prompt_tokens_total", **labels) == 7
    assert await house.adapter.metric("adapter_generated_tokens_total", **labels) == 3
    assert await house.adapter.metric("adapter_time_to_first_token_seconds_count", **labels) == 1


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
async def test_keep_alive_counts(house, path):
    request = {"model": "natplain", "messages": HI, "prompt": "hi", "keep_alive": 0}
    assert (await house.adapter.post(path, request)).status == 200
    loaded = (await house.adapter.get("/api/ps")).json["models"]
    assert "natplain:latest" not in [row["name"] for row in loaded]


async def test_the_body_is_json_whatever_the_header_says(house):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = b'{"model":"natplain","messages":[{"role":"user","content":"hi"}]} trailing'
    assert (await house.adapter.post(CHAT, body, headers=headers)).status == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "EOF"),
        (b" \n", "EOF"),
        (b"{", "unexpected EOF"),
        (b"[]", "json: cannot unmarshal array into Go value of type openai.ChatCompletionRequest"),
        (b"null", "[] is too short - 'messages'"),
        (
            b'{"model":5}',
            "json: cannot unmarshal number into Go struct field "
            "ChatCompletionRequest.model of type string",
        ),
        (
            b'{"messages":[5]}',
            "json: cannot unmarshal number into Go struct field "
            "ChatCompletionRequest.messages of type []map[string]interface {}",
        ),
        (b'{"x":' + b"[" * 500 + b"]" * 500 + b"}", "json: exceeded max depth"),
    ],
)
async def test_bodies_that_are_none(house, body, message):
    reply = await house.adapter.post(CHAT, body)
    assert (reply.status, reply.json) == (400, error(message))


async def test_a_completion_has_no_limit_but_the_window(house):
    """vLLM's own default is 16 tokens."""
    body = await sent(house, {"prompt": "hi"}, COMPLETIONS)
    assert body["max_tokens"] == 8192


async def test_several_prompts_are_answered(house):
    asked = {"model": "natplain", "prompt": ["a", "b"]}
    reply = await house.adapter.post(COMPLETIONS, asked)
    assert [choice["index"] for choice in reply.json["choices"]] == [0, 1]


async def test_a_suffix_needs_a_model_for_it(house):
    asked = {"prompt": "a", "suffix": "c", "messages": None}
    assert await refused(house, asked, COMPLETIONS) == error(
        "registry.ollama.ai/library/natplain:latest does not support insert"
    )
    body = await sent(house, asked, COMPLETIONS, "gotmpl")
    assert body["prompt"] == "<PRE> a <SUF>c <MID>"
    assert "suffix" not in body
    assert "suffix" not in await sent(house, asked | {"suffix": ""}, COMPLETIONS)


async def test_a_model_for_embeddings_can_not_chat(house):
    reply = await house.adapter.post(CHAT, {"model": "bert", "messages": HI})
    assert (reply.status, reply.json) == (400, error('"bert" does not support chat'))


async def test_a_body_in_zstd_is_read(house):
    request = json.dumps({"model": "natplain", "messages": HI}).encode()
    reply = await send(house.adapter.url, "POST", CHAT, zstd.compress(request), ZSTD)
    assert reply.status == 200, reply.text
    assert house.chat.bodies[0]["messages"] == HI


async def test_a_small_body_that_swells_is_refused():
    async with serving("http://127.0.0.1:1", body_limit=2**16) as adapter:
        swelling = zstd.compress(b" " * 2**20)
        reply = await send(adapter.url, "POST", CHAT, swelling, ZSTD)
    assert reply.status == 413
    assert reply.json["error"]["message"] == "the request body is too large"
