"""Anthropic's /v1/messages."""

import pytest

HI = [{"role": "user", "content": "hi"}]
PATH, COUNT = "/v1/messages", "/v1/messages/count_tokens"
TOOL = {"name": "f", "input_schema": {"type": "object"}}
BASE = {"messages": HI, "max_tokens": 5}


async def sent(house, request: dict, model: str = "natplain", path: str = PATH) -> dict:
    reply = await house.adapter.post(path, {"model": model} | BASE | request)
    assert reply.status == 200, reply.text
    return house.chat.bodies[-1]


async def refused(house, request: dict) -> str:
    reply = await house.adapter.post(PATH, {"model": "natplain"} | BASE | request)
    assert (reply.status, reply.json["type"]) == (400, "error")
    assert reply.json["error"]["type"] == "invalid_request_error"
    assert house.chat.bodies == []
    return reply.json["error"]["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]},
        {"metadata": {"user_id": "u"}, "stop_sequences": ["a"], "temperature": 1, "top_k": 5},
        {"context_management": {"edits": []}, "output_config": {"effort": "high"}},
    ],
)
async def test_what_agents_send_goes_on_as_it_is(house, fields):
    body = await sent(house, fields, path=PATH + "?beta=true")
    assert body == {"model": "natplain"} | BASE | fields


@pytest.mark.parametrize(
    ("thinking", "seen", "on"),
    [
        (None, None, True),
        ({"type": "disabled"}, {"type": "disabled"}, False),
        ({"type": "adaptive"}, None, True),
        ({"type": "enabled", "budget_tokens": 100}, None, True),
        ({"type": "enabled", "budget_tokens": 9000}, None, True),
        (
            {"type": "enabled", "budget_tokens": 1024},
            {"type": "enabled", "budget_tokens": 1024},
            True,
        ),
    ],
)
async def test_thinking(house, thinking, seen, on):
    """A budget goes on if vLLM takes it: 1024 or more, and less than max_tokens."""
    body = await sent(house, {"thinking": thinking, "max_tokens": 32000}, "nat")
    assert body.get("thinking") == seen
    assert body["chat_template_kwargs"] == {"enable_thinking": on, "thinking": on}
    assert body["max_tokens"] == 8192


async def test_a_model_that_can_not_think_is_not_asked_to(house):
    body = await sent(house, {"thinking": {"type": "enabled", "budget_tokens": 2000}})
    assert body == {"model": "natplain"} | BASE


async def test_thinking_comes_before_the_text(house):
    reply = await house.adapter.post(PATH, {"model": "nat"} | BASE)
    assert [block["type"] for block in reply.json["content"]] == ["thinking", "text"]
    assert reply.json["id"].startswith("msg_")


async def test_tools_of_anthropics_own_servers_are_left_out(house):
    search = {"type": "web_search_20250305", "name": "web_search"}
    assert (await sent(house, {"tools": [search, TOOL]}, "nat"))["tools"] == [TOOL]
    body = await sent(house, {"tools": [search], "tool_choice": {"type": "auto"}})
    assert body == {"model": "natplain"} | BASE


async def test_blocks_of_anthropics_own_servers_are_left_out(house):
    turns = [
        {"role": "assistant", "content": [{"type": "server_tool_use", "id": "s", "name": "x"}]},
        {
            "role": "user",
            "content": [
                {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
                {"type": "text", "text": "go"},
                {"type": "document", "source": {"type": "text", "data": "plain"}},
            ],
        },
    ]
    body = await sent(house, {"messages": turns})
    assert body["messages"] == [
        {"role": "assistant", "content": ""},
        {
            "role": "user",
            "content": [{"type": "text", "text": "go"}, {"type": "text", "text": "plain"}],
        },
    ]


async def test_options_fill_the_gaps(house):
    options = {"temperature": 0.5, "top_p": 0.5, "seed": 1, "stop": ["x"], "num_predict": 3}
    body = await sent(house, {"options": options, "temperature": 1, "keep_alive": "5m"})
    assert body == {"model": "natplain", "temperature": 1, "top_p": 0.5, **BASE} | {
        "stop_sequences": ["x"]
    }


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"model": None}, "model is required"),
        ({"model": "", "max_tokens": None}, "model is required"),
        ({"max_tokens": None}, "max_tokens is required and must be positive"),
        ({"max_tokens": 0, "messages": []}, "max_tokens is required and must be positive"),
        ({"messages": []}, "messages is required"),
        ({"tools": [TOOL]}, "registry.ollama.ai/library/natplain:latest does not support tools"),
        (
            {"thinking": 5},
            "json: cannot unmarshal number into Go struct field MessagesRequest.thinking of type "
            "map[string]interface {}",
        ),
        (
            {
                "messages": [
                    {"content": [{"type": "document", "source": {"type": "base64", "data": ""}}]}
                ]
            },
            "documents other than plain text are not supported",
        ),
    ],
)
async def test_refusals(house, request_, message):
    assert await refused(house, request_) == message


@pytest.mark.parametrize("source", [{"type": "url", "url": "http://x"}, {"type": "file"}, None])
@pytest.mark.parametrize("inside", [False, True])
async def test_nothing_is_fetched_for_a_client(house, source, inside):
    block = {"type": "image", "source": source}
    if inside:
        block = {"type": "tool_result", "tool_use_id": "a", "content": [block]}
    message = await refused(house, {"messages": [{"role": "user", "content": [block]}]})
    assert message.startswith("invalid image source type: ")
    assert message.endswith(". Only base64 images are supported.")


async def test_tokens_are_counted(house):
    request = {"model": "nat", "messages": HI, "tools": [TOOL]}
    reply = await house.adapter.post(COUNT, request)
    assert (reply.status, reply.json["input_tokens"]) == (200, 13)
    seen = house.chat.bodies[-1]
    assert seen.pop("chat_template_kwargs")["enable_thinking"]
    assert seen == request
