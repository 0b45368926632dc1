"""OpenAI's /v1/responses."""

import pytest

PATH = "/v1/responses"
PNG = "data:image/png;base64,iVBORw0KGgo="


async def sent(house, request: dict, model: str = "natplain") -> dict:
    reply = await house.adapter.post(PATH, {"model": model, "input": "hi"} | request)
    assert reply.status == 200, reply.text
    return house.chat.bodies[-1]


@pytest.mark.parametrize(
    "fields",
    [
        {"include": ["reasoning.encrypted_content"], "store": False, "prompt_cache_key": "p"},
        {"tools": [{"type": "web_search"}], "tool_choice": "auto", "parallel_tool_calls": True},
        {"text": {"format": {"type": "text"}}, "metadata": {"a": "b"}, "instructions": "i"},
        {"reasoning": {"summary": "auto"}},
    ],
)
async def test_what_agents_send_goes_on_as_it_is(house, fields):
    assert await sent(house, fields) == {"model": "natplain", "input": "hi"} | fields


@pytest.mark.parametrize(
    ("items", "seen"),
    [
        (
            [{"type": "message", "role": "developer", "content": "a"}],
            [{"type": "message", "role": "system", "content": "a"}],
        ),
        (
            [{"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "x"}],
            [{"type": "reasoning", "id": "r", "summary": []}],
        ),
        (
            [{"type": "web_search_call", "id": "w"}, {"role": "user", "content": "a"}],
            [{"role": "user", "content": "a"}],
        ),
        (
            [{"role": "user", "content": [{"type": "input_image", "image_url": PNG}]}],
            [{"role": "user", "content": [{"type": "input_image", "image_url": PNG}]}],
        ),
    ],
)
async def test_items(house, items, seen):
    assert (await sent(house, {"input": items}))["input"] == seen


@pytest.mark.parametrize(
    ("asked", "effort", "on"),
    [({}, None, True), ({"effort": "none"}, None, False), ({"effort": "ultra"}, "max", True)],
)
async def test_thinking(house, asked, effort, on):
    body = await sent(house, {"reasoning": {"summary": "auto"} | asked}, "nat")
    assert body["reasoning"] == {"summary": "auto"} | ({"effort": effort} if effort else {})
    assert body["chat_template_kwargs"] == {"enable_thinking": on, "thinking": on}


async def test_limits_and_options(house):
    body = await sent(house, {"max_output_tokens": 99999, "options": {"top_k": 3}})
    assert body == {"model": "natplain", "input": "hi", "max_output_tokens": 8192, "top_k": 3}
    body = await sent(house, {"options": {"num_predict": 3}, "tools": []})
    assert body == {"model": "natplain", "input": "hi", "max_output_tokens": 3}


async def test_an_answer(house):
    reply = await house.adapter.post(PATH, {"model": "NAT", "input": "hi"})
    assert reply.json["id"].startswith("resp_")
    assert reply.json["model"] == "NAT"
    assert [item["type"] for item in reply.json["output"]] == ["reasoning", "message"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            {"input": 5},
            "input must be a string or array: json: cannot unmarshal number into Go value of type "
            "[]json.RawMessage",
        ),
        (
            {"input": ["a"]},
            "input must be a string or array: json: cannot unmarshal string into Go value of type "
            "struct",
        ),
        ({"model": None}, "model is required"),
        ({"reasoning": {"effort": "high"}}, '"natplain" does not support thinking'),
        (
            {"tools": [{"type": "function", "name": "f"}]},
            "registry.ollama.ai/library/natplain:latest does not support tools",
        ),
        (
            {"input": [{"content": [{"type": "input_image", "image_url": "http://x"}]}]},
            "image URLs are not currently supported, please use base64 encoded data instead",
        ),
        (
            {"input": [{"content": [{"type": "input_file", "file_url": "http://x"}]}]},
            "image URLs are not currently supported, please use base64 encoded data instead",
        ),
    ],
)
async def test_refusals(house, request_, message):
    reply = await house.adapter.post(PATH, {"model": "natplain", "input": "hi"} | request_)
    assert reply.status == 400
    assert reply.json == {
        "error": {
            "message": message,
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    }
    assert house.chat.bodies == []


async def test_an_effort_that_is_none(house):
    reply = await house.adapter.post(PATH, {"model": "nat", "reasoning": {"effort": "x"}})
    assert reply.json["error"]["message"] == (
        'invalid reasoning value: "x" (must be "minimal", "low", "medium", "high", "xhigh", '
        '"ultra", "max", or "none")'
    )
