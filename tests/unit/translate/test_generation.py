from __future__ import annotations

import pytest

from adapter.errors import BadOption
from adapter.translate.generation import WHOLE_REPLY_INTERVAL, ask
from adapter.translate.target import Target

TURNS = [{"role": "user", "content": "hi"}]
VLLM, OTHER = Target("served", 4096), Target("served", 4096, vllm=False)


def test_a_streamed_question_to_vllm():
    question = ask(TURNS, {"temperature": 0}, VLLM, streams=True)
    assert question.path == "chat/completions"
    assert question.body == {
        "model": "served",
        "messages": TURNS,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.0,
    }
    assert question.own_stops == ()


@pytest.mark.parametrize("target", [VLLM, OTHER])
def test_the_engine_always_streams(target: Target):
    body = ask(TURNS, {}, target, streams=False).body
    assert body["stream"] is True
    assert body.get("stream_interval") == (WHOLE_REPLY_INTERVAL if target.vllm else None)


def test_four_stop_strings_are_the_engines():
    question = ask(TURNS, {"stop": ["a", "b", "", "c", "d"]}, VLLM, streams=True)
    assert question.body["stop"] == ["a", "b", "c", "d"]
    assert question.own_stops == ()


@pytest.mark.parametrize("stops", [[], [""]])
def test_no_stop_string_is_no_field(stops):
    assert "stop" not in ask(TURNS, {"stop": stops}, VLLM, streams=True).body


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("target", [VLLM, OTHER])
def test_more_stop_strings_are_ours_and_need_counts_on_the_way(target: Target, streams: bool):
    question = ask(TURNS, {"stop": ["a", "b", "c", "d", "e"]}, target, streams=streams)
    assert question.body["stop"] == ["a", "b", "c", "d"]
    assert question.own_stops == ("e",)
    assert "stream_interval" not in question.body
    wanted = {"include_usage": True, "continuous_usage_stats": True}
    assert question.body["stream_options"] == (wanted if target.vllm else {"include_usage": True})


def test_a_wrong_option_is_raised():
    with pytest.raises(BadOption):
        ask(TURNS, {"top_k": "x"}, VLLM, streams=True)
