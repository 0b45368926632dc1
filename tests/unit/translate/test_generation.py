from __future__ import annotations

from typing import Any

import pytest

from adapter.errors import BadFormat, BadOption
from adapter.translate.generation import (
    ORDINARY,
    WHOLE_REPLY_INTERVAL,
    Listening,
    Question,
    chat,
    completion,
)
from adapter.translate.target import Target
from adapter.wire.ollama import ChatRequest

TURNS = [{"role": "user", "content": "hi"}]
VLLM, OTHER = Target("served", 4096), Target("served", 4096, vllm=False)
THINKER = Target("served", 4096, thinks=True)


def asked(**fields: Any) -> ChatRequest:
    return ChatRequest.model_validate({"model": "m", **fields})


def of_a_chat(fields: dict[str, Any], target: Target = VLLM, **how: bool) -> Question:
    return chat(TURNS, asked(**fields), target, **how)


def added(question: Question) -> dict[str, Any]:
    """The body's fields beyond those of every chat."""
    common = ("model", "messages", "stream", "stream_options")
    return {key: value for key, value in question.body.items() if key not in common}


class TestAChat:
    def test_streamed(self):
        question = of_a_chat({"options": {"temperature": 0}})
        assert question.path == "chat/completions"
        assert question.body == {
            "model": "served",
            "messages": TURNS,
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": 0.0,
        }
        assert question.listening == ORDINARY == Listening((), False, 0)

    @pytest.mark.parametrize("target", [VLLM, OTHER])
    def test_the_engine_always_streams(self, target: Target):
        body = of_a_chat({"stream": False}, target).body
        assert body["stream"] is True
        assert body.get("stream_interval") == (WHOLE_REPLY_INTERVAL if target.vllm else None)

    @pytest.mark.parametrize("fields", [{}, {"logprobs": False}, {"top_logprobs": 3}])
    def test_no_logprobs_unless_asked_for(self, fields):
        assert added(of_a_chat(fields)) == {}

    def test_logprobs(self):
        question = of_a_chat({"logprobs": True})
        assert added(question) == {"logprobs": True, "top_logprobs": 0}
        question = of_a_chat({"logprobs": True, "top_logprobs": 3})
        assert added(question) == {"logprobs": True, "top_logprobs": 3}
        assert question.listening.top_logprobs == 3

    def test_a_format(self):
        assert added(of_a_chat({"format": "json"})) == {"response_format": {"type": "json_object"}}
        assert added(of_a_chat({"format": ""})) == {}
        with pytest.raises(BadFormat):
            of_a_chat({"format": "xml"})

    def test_token_ids_are_vllms(self):
        assert added(of_a_chat({}, with_ids=True)) == {"return_token_ids": True}
        assert added(of_a_chat({}, OTHER, with_ids=True)) == {}

    @pytest.mark.parametrize(
        ("think", "hidden"), [(None, False), (True, False), ("low", False), (False, True)]
    )
    def test_thinking_is_kept_from_who_wants_none(self, think, hidden: bool):
        for target in (VLLM, OTHER, THINKER):
            assert of_a_chat({"think": think}, target).listening.hides_thinking is hidden


class TestABegunAnswer:
    def test_is_gone_on_with(self):
        continued = {"add_generation_prompt": False, "continue_final_message": True}
        assert added(of_a_chat({}, continued=True)) == continued
        assert added(of_a_chat({}, OTHER, continued=True)) == {}

    @pytest.mark.parametrize(
        ("think", "on"), [(None, False), (False, False), (True, True), ("high", True)]
    )
    def test_is_no_place_to_think_unless_told_to(self, think, on: bool):
        body = of_a_chat({"think": think}, THINKER, continued=True).body
        assert body["chat_template_kwargs"] == {"enable_thinking": on, "thinking": on}


class TestACompletion:
    def test_of_text(self):
        question = completion("hi", asked(), VLLM, with_ids=False)
        assert question.path == "completions"
        assert question.body == {
            "model": "served",
            "prompt": "hi",
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": 4096,
        }

    def test_of_tokens(self):
        question = completion((1, 2), asked(), VLLM, with_ids=True)
        assert question.body["prompt"] == [1, 2]
        assert question.body["return_token_ids"] is True
        assert "return_token_ids" not in completion("x", asked(), OTHER, with_ids=True).body

    def test_a_limit_of_the_clients_rules(self):
        for wanted, sent in ((5, 5), (100_000, 4096), (-1, 4096)):
            request = asked(options={"num_predict": wanted})
            assert completion("x", request, VLLM, with_ids=False).body["max_tokens"] == sent
        unknown = Target("served")
        assert "max_tokens" not in completion("x", asked(), unknown, with_ids=False).body

    @pytest.mark.parametrize("top", [0, 4])
    def test_logprobs_are_a_number(self, top: int):
        request = asked(logprobs=True, top_logprobs=top)
        body = completion("x", request, VLLM, with_ids=False).body
        assert body["logprobs"] == top
        assert "top_logprobs" not in body

    def test_a_format_and_no_thinking(self):
        request = asked(format={"type": "object"}, think=True)
        body = completion("x", request, THINKER, with_ids=False).body
        assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
        assert "chat_template_kwargs" not in body


class TestStopStrings:
    def test_four_are_the_engines(self):
        question = of_a_chat({"options": {"stop": ["a", "b", "", "c", "d"]}})
        assert question.body["stop"] == ["a", "b", "c", "d"]
        assert question.listening.own_stops == ()

    @pytest.mark.parametrize("stops", [[], [""]])
    def test_none_is_no_field(self, stops):
        assert "stop" not in of_a_chat({"options": {"stop": stops}}).body

    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize("target", [VLLM, OTHER])
    def test_more_are_ours_and_need_counts_on_the_way(self, target: Target, stream: bool):
        request = {"options": {"stop": ["a", "b", "c", "d", "e"]}, "stream": stream}
        question = of_a_chat(request, target)
        assert question.body["stop"] == ["a", "b", "c", "d"]
        assert question.listening.own_stops == ("e",)
        assert "stream_interval" not in question.body
        wanted = {"include_usage": True} | ({"continuous_usage_stats": True} if target.vllm else {})
        assert question.body["stream_options"] == wanted


def test_a_wrong_option_is_raised():
    with pytest.raises(BadOption):
        of_a_chat({"options": {"top_k": "x"}})
    with pytest.raises(BadOption):
        completion("x", asked(options={"top_k": "x"}), VLLM, with_ids=False)
