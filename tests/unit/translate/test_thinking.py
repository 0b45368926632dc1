from __future__ import annotations

import pytest

from adapter.translate.target import Target
from adapter.translate.thinking import fields, switch, wanted
from adapter.wire.ollama import THINK_LEVELS

ON = {"enable_thinking": True, "thinking": True}
OFF = {"enable_thinking": False, "thinking": False}
THINKER, OTHER = Target("m", thinks=True), Target("m", thinks=True, vllm=False)

# think → what vLLM gets, what another OpenAI server gets.
FIELDS = [
    (None, {"chat_template_kwargs": ON}, {}),
    (True, {"chat_template_kwargs": ON}, {}),
    (False, {"chat_template_kwargs": OFF}, {"reasoning_effort": "none"}),
    *(
        (
            level,
            {"reasoning_effort": level, "chat_template_kwargs": ON},
            {"reasoning_effort": level},
        )
        for level in ("low", "medium", "high", "max")
    ),
]


@pytest.mark.parametrize(("think", "of_vllm", "of_others"), FIELDS)
def test_a_model_that_can_think_is_told_whether_to(think, of_vllm, of_others):
    assert fields(think, THINKER) == of_vllm
    assert fields(think, OTHER) == of_others


@pytest.mark.parametrize("think", [None, True, False, *THINK_LEVELS])
@pytest.mark.parametrize("vllm", [True, False])
def test_a_model_that_cannot_is_told_nothing(think, vllm: bool):
    assert fields(think, Target("m", vllm=vllm)) == {}
    assert wanted(think, Target("m", vllm=vllm)) is False


@pytest.mark.parametrize(
    ("think", "thinks"), [(None, True), (True, True), ("low", True), (False, False)]
)
def test_it_thinks_unless_it_is_told_not_to(think, thinks: bool):
    assert wanted(think, THINKER) is thinks


def test_every_level_is_known():
    assert {think for think, _, _ in FIELDS if isinstance(think, str)} == set(THINK_LEVELS)


def test_a_switch_for_templates_of_both_kinds():
    assert switch(True) == ON
    assert switch(False) == OFF
