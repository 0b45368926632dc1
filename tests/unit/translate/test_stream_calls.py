"""Tool calls in streams; and recordings with details, in any reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.translate.replies import CHAT, GENERATE, LineWriter, WholeWriter
from tests.support.recordings import recording
from tests.unit.strategies import TEXTS, cuts
from tests.unit.translate.streamed import (
    DONE,
    FINISH,
    MODEL,
    ROLE,
    USAGE,
    event,
    piece,
    replies,
    said,
    translated,
)

WEATHER = {"city": "Paris", "days": 3}
# Recording → its calls' names and arguments, or the words of the fault.
CALLED: dict[str, Any] = {
    "tool_auto_forced_text_stream": [("chatcmpl-tool-84ed42dd88e537cd", "get_weather", WEATHER)],
    "tool_required_ok_stream": [
        ("chatcmpl-tool-9d9e7f4622e20feb", "get_weather", {"city": "Oslo"})
    ],
    "q3_tool_auto_stream": [],
    "q3_off_tool_required_stream_strict": 'invalid tool call arguments for "get_weather": ',
    "tool_named_strict_stream": 'invalid tool call arguments for "get_weather": ',
}


def called(message: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    calls = message.get("tool_calls", [])
    assert [list(call) for call in calls] == [["id", "function"]] * len(calls)
    assert [call["function"]["index"] for call in calls] == list(range(len(calls)))
    return [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls]


@pytest.mark.parametrize("name", CALLED)
def test_recorded_calls_are_whole_and_in_the_last_line(name: str):
    expected = CALLED[name]
    events = recording(name).events
    out, translator = translated(events)
    if isinstance(expected, str):
        assert translator.fault is not None
        assert expected in translator.fault.message
        assert translator.fault.status == 500
        assert not any(json.loads(line)["done"] for line in out.splitlines())
        return
    *lines, last = replies(out)
    assert called(last["message"]) == expected
    assert not any("tool_calls" in line["message"] for line in lines)
    assert last["done_reason"] == ("stop" if expected else "length")
    whole = json.loads(translated(events, WholeWriter(CHAT, MODEL))[0])
    assert called(whole["message"]) == expected


RECORDED_DETAILS = [
    *CALLED,
    "chat_logprobs_stream",
    "chat_return_token_ids_stream",
    "compl_stream_usage",
    "chat_stream_interval",
    "q3_reason_end_stream",
]


@pytest.mark.parametrize("shape", [CHAT, GENERATE])
@pytest.mark.parametrize("name", RECORDED_DETAILS)
def test_every_two_reads_of_a_recording_give_the_same_lines(shape, name: str):
    wire = b"".join(recording(name).events)
    expected = translated([wire], LineWriter(shape, MODEL), top_logprobs=2)[0]
    step = max(1, len(wire) // 1500)  # every byte of what is small
    for i in range(0, len(wire), step):
        reads = [wire[:i], wire[i:]]
        assert translated(reads, LineWriter(shape, MODEL), top_logprobs=2)[0] == expected


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", RECORDED_DETAILS)
@given(data=st.data())
def test_any_reads_of_a_recording_give_the_same_reply(data, name: str, whole: bool):
    kind = WholeWriter if whole else LineWriter
    wire = b"".join(recording(name).events)
    expected = translated([wire], kind(GENERATE, MODEL), top_logprobs=1)[0]
    reads = data.draw(cuts(wire))
    assert translated(reads, kind(GENERATE, MODEL), top_logprobs=1)[0] == expected


@pytest.mark.parametrize("shape", [CHAT, GENERATE])
@pytest.mark.parametrize("name", RECORDED_DETAILS)
def test_one_object_is_the_lines_folded(shape, name: str):
    events = recording(name).events
    out, translator = translated(events, LineWriter(shape, MODEL), top_logprobs=2)
    whole = translated(events, WholeWriter(shape, MODEL), top_logprobs=2)[0]
    if translator.fault:
        assert whole == b""
        return
    lines = [json.loads(line) for line in out.splitlines()]
    folded = lines[-1]
    for key in ("content", "thinking", "response"):
        text = "".join(line.get("message", line).get(key, "") for line in lines)
        if text or key != "thinking":
            holder = folded.get("message", folded)
            if key in holder or key == "thinking":
                holder[key] = text
    rows = [row for line in lines for row in line.get("logprobs", ())]
    if rows:
        folded["logprobs"] = rows
    assert json.loads(whole) == folded


def call(*parts: dict[str, Any], **choice: Any) -> bytes:
    """An event with pieces of calls."""
    delta = {"content": None, "tool_calls": list(parts)}
    return event([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None, **choice}])


def begun(index: int, name: str, **more: Any) -> dict[str, Any]:
    return {"index": index, "id": f"id{index}", "function": {"name": name, **more}}


def goes_on(index: int, arguments: str) -> dict[str, Any]:
    return {"index": index, "function": {"arguments": arguments}}


CALLS_END = FINISH.replace(b'"stop"', b'"tool_calls"', 1)


def test_thoughts_and_text_come_before_the_calls():
    thought = event([{"index": 0, "delta": {"reasoning": "hm"}, "finish_reason": None}])
    events = [ROLE, thought, piece("Let me see"), call(begun(0, "f")), call(goes_on(0, "{}"))]
    for writer in (LineWriter(CHAT, MODEL), WholeWriter(CHAT, MODEL)):
        out, _ = translated([*events, CALLS_END, USAGE, DONE], writer)
        parsed = [json.loads(line) for line in out.splitlines()]
        assert (said(parsed, "thinking"), said(parsed)) == ("hm", "Let me see")
        assert list(parsed[-1]["message"])[-1] == "tool_calls"
        assert called(parsed[-1]["message"]) == [("id0", "f", {})]


def test_text_after_calls_is_text_in_its_place():
    """Once plain text was learned, a call between must not be lost, nor the text after it."""
    events = [ROLE, piece("a"), piece("b"), call(begun(0, "f", arguments="{}")), piece("c")]
    *lines, last = replies(translated([*events, CALLS_END, USAGE, DONE])[0])
    assert [line["message"]["content"] for line in lines] == ["a", "b", "c"]
    assert called(last["message"]) == [("id0", "f", {})]


@given(st.data())
def test_calls_in_any_pieces_and_any_order_of_pieces_come_out_whole(data):
    arguments = data.draw(
        st.lists(st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(0, 9))), max_size=3)
    )
    queues = []
    for index, value in enumerate(arguments):
        text = json.dumps(value)
        place = data.draw(st.integers(0, len(text)))
        pieces = [call(begun(index, f"f{index}"))]
        pieces += [call(goes_on(index, part)) for part in (text[:place], text[place:])]
        queues.append(pieces)
    events = []
    while any(queues):
        events.append(data.draw(st.sampled_from([queue for queue in queues if queue])).pop(0))
    wire = b"".join([ROLE, *events, CALLS_END, USAGE, DONE])
    out, _ = translated(data.draw(cuts(wire)))
    [last] = replies(out)
    found = called(last["message"])
    assert [name for _, name, _ in found] == [f"f{index}" for index in range(len(arguments))]
    assert [list(value.items()) for _, _, value in found] == [
        list(value.items()) for value in arguments
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('{"city":"Par', 'returned invalid tool call arguments for "f": '),
        ("5", "they are no JSON object"),
        ("[1]", "they are no JSON object"),
        ("Infinity", 'invalid tool call arguments for "f": '),
        ("null", "they are no JSON object"),
    ],
)
@pytest.mark.parametrize("kind", [LineWriter, WholeWriter])
def test_calls_that_broke_end_in_a_fault(kind, arguments: str, words: str):
    events = [ROLE, piece("a"), call(begun(0, "f")), call(goes_on(0, arguments))]
    out, translator = translated([*events, CALLS_END, USAGE, DONE], kind(CHAT, MODEL))
    assert translator.fault is not None
    assert words in translator.fault.message
    assert b'"done":true' not in out


def test_a_call_cut_before_its_arguments_is_no_call_without_any():
    cut = FINISH.replace(b'"stop"', b'"length"', 1)
    _, translator = translated([ROLE, call(begun(0, "f")), cut, USAGE, DONE])
    assert translator.fault is not None
    [last] = replies(translated([ROLE, call(begun(0, "f")), CALLS_END, USAGE, DONE])[0])
    assert called(last["message"]) == [("id0", "f", {})]
