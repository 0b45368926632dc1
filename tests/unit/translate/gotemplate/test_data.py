from __future__ import annotations

import pytest

from adapter.translate.gotemplate.data import collate, messages_value, thinking, tools_value
from adapter.translate.gotemplate.limits import TemplateError
from adapter.translate.gotemplate.printing import text, to_json
from adapter.wire.ollama import Message


def turns(*pairs: tuple[str, str]) -> list[Message]:
    return [Message(role=role, content=content) for role, content in pairs]


@pytest.mark.parametrize(
    ("given", "collated", "system"),
    [
        ([], [], ""),
        ([("user", "a"), ("user", "b")], [("user", "a\n\nb")], ""),
        ([("tool", "a"), ("tool", "b")], [("tool", "a"), ("tool", "b")], ""),
        (
            [("system", "a"), ("user", "b"), ("system", "c"), ("system", "d")],
            [("system", "a"), ("user", "b"), ("system", "c\n\nd")],
            "a\n\nc\n\nd",
        ),
        ([("User", "a"), ("USER", "b")], [("user", "a\n\nb")], ""),
    ],
)
def test_neighbours_of_one_role_are_one_turn(given, collated, system):
    assert collate(turns(*given)) == (system, turns(*collated))


def test_only_the_text_of_the_later_one_is_kept():
    first = Message(role="assistant", content="a", thinking="why")
    later = Message.model_validate(
        {"role": "assistant", "content": "b", "tool_calls": [{"function": {"name": "f"}}]}
    )
    _, (joined,) = collate([first, later])
    assert (joined.content, joined.thinking, joined.tool_calls) == ("a\n\nb", "why", ())
    assert first.content == "a"


@pytest.mark.parametrize(
    ("think", "values"),
    [
        (None, (False, "", False)),
        (False, (False, "", True)),
        (True, (True, "medium", True)),
        ("high", (True, "high", True)),
        ("max", (True, "max", True)),
    ],
)
def test_thinking(think, values):
    assert tuple(thinking(think).values()) == values


def test_a_message():
    message = Message.model_validate(
        {
            "role": "assistant",
            "content": "c",
            "thinking": "t",
            "tool_name": "n",
            "tool_call_id": "i",
            "images": ["aGk="],
            "tool_calls": [
                {"id": "x", "function": {"name": "f", "arguments": {"b": 1, "a": "<"}}},
                {"function": {"name": "g", "arguments": {}}},
            ],
        }
    )
    (value,) = messages_value([message]).items
    assert to_json(value) == (
        '{"Role":"assistant","Content":"c","Thinking":"t","Images":["aGk="],"ToolCalls":['
        '{"ID":"x","Function":{"Index":0,"Name":"f","Arguments":{"a":"\\u003c","b":1}}},'
        '{"ID":"","Function":{"Index":1,"Name":"g","Arguments":{}}}],'
        '"ToolName":"n","ToolCallID":"i"}'
    )


def test_a_message_with_little_in_it():
    (value,) = messages_value([Message(role="user")]).items
    assert to_json(value) == (
        '{"Role":"user","Content":"","Thinking":"","Images":null,"ToolCalls":null,'
        '"ToolName":"","ToolCallID":""}'
    )


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather <now>",
        "strict": True,
        "parameters": {
            "type": "object",
            "required": ["city"],
            "additionalProperties": False,
            "properties": {
                "unit": {"type": ["string", "null"], "enum": ["C", "F"], "default": "C"},
                "city": {"type": "string", "description": "Where"},
                "at": {"type": "object", "properties": {"x": {"type": "number"}}},
                "l": {"type": "array", "items": {"type": "string", "minimum": 5}},
                "any": {"anyOf": [{"type": "string"}]},
            },
        },
    },
}


def test_a_tool_is_the_json_that_ollama_knows_of_it():
    known = (
        '{"type":"function","function":{"name":"get_weather",'
        '"description":"Weather \\u003cnow\\u003e","parameters":{"type":"object",'
        '"required":["city"],"properties":{"any":{"anyOf":[{"type":"string"}]},'
        '"at":{"type":"object","properties":{"x":{"type":"number"}}},'
        '"city":{"type":"string","description":"Where"},'
        '"l":{"type":"array","items":{"minimum":5,"type":"string"}},'
        '"unit":{"type":["string","null"],"enum":["C","F"]}}}}}'
    )
    tools = tools_value([WEATHER])
    assert text(tools) == f"[{known}]"
    (tool,) = tools.items
    assert text(tool) == known
    assert known.endswith(f'"function":{text(tool.fields["Function"])}}}')


@pytest.mark.parametrize(
    "tool",
    [
        {},
        {"function": {}},
        {"type": 5, "function": {"name": [], "parameters": "x"}},
        {"function": {"parameters": {"properties": None, "required": "x"}}},
    ],
)
def test_a_tool_that_is_hardly_one(tool):
    assert text(tools_value([tool])) == (
        '[{"type":"","function":{"name":"","description":"",'
        '"parameters":{"type":"","properties":null}}}]'
    )


def test_numbers_are_floats_however_large():
    called = {"function": {"name": "f", "arguments": {"big": 10**400, "low": -(10**400), "x": 7}}}
    message = Message.model_validate({"role": "assistant", "tool_calls": [called]})
    (value,) = messages_value([message]).items
    (call,) = value.fields["ToolCalls"].items
    entries = call.fields["Function"].fields["Arguments"].entries
    assert entries == {"big": float("inf"), "low": float("-inf"), "x": 7.0}


@pytest.mark.parametrize("key", ["properties", "anyOf", "items"])
def test_a_tool_has_a_bottom(key):
    schema: dict = {}
    for _ in range(100):
        schema = {key: {"properties": {"a": schema}, "anyOf": [schema], "items": schema}[key]}
    tool = {"function": {"parameters": {"properties": {"a": schema}}}}
    if key == "properties":
        tool["function"]["parameters"]["properties"]["a"] = nested = {}
        for _ in range(100):
            nested["properties"] = {"a": {}}
            nested = nested["properties"]["a"]
    with pytest.raises(TemplateError, match=r"nested more than 60 levels"):
        tools_value([tool])
