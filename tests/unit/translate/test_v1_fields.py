import pytest

from adapter.errors import BadRequest
from adapter.translate.target import Target
from adapter.translate.v1_fields import (
    EFFORTS,
    Extras,
    Model,
    add_sampling,
    add_switch,
    check_tools,
    drop_empty_tools,
    effort,
    limit,
    take_extras,
    think_of,
)

PLAIN = Model("m", "registry.ollama.ai/library/m:latest", frozenset(), Target("s"))
THINKER = Model("m", "m", frozenset({"thinking"}), Target("s", thinks=True))


def test_extras_are_taken_out():
    body = {"think": "high", "keep_alive": "2m", "options": {"seed": 1}, "x": 1}
    assert take_extras(body) == Extras(think="high", keep_alive=120, options={"seed": 1})
    assert body == {"x": 1}
    assert take_extras(body) == Extras()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"keep_alive": True}, "Unsupported type: 'bool'"),
        ({"think": 5}, "think must be a boolean or string"),
        ({"options": 5}, "json: cannot unmarshal number into Go struct field Extras.options"),
    ],
)
def test_extras_that_are_none(body: dict, message: str):
    with pytest.raises(BadRequest) as caught:
        take_extras(body)
    assert caught.value.message.startswith(message)


def test_sampling_fills_the_gaps():
    """The body first, then the request's options, then the model's own."""
    target = Target("s", options={"top_k": 1, "top_p": 0.1, "stop": ["x"], "num_predict": 9})
    body = {"temperature": 2}
    options = Extras(options={"temperature": 0, "top_k": 5})
    add_sampling(body, options, target, stop="stop_sequences", max_tokens="")
    assert body == {"temperature": 2, "top_k": 5, "top_p": 0.1, "stop_sequences": ["x"]}


def test_options_of_the_wrong_kind_are_the_clients_fault():
    with pytest.raises(BadRequest) as caught:
        add_sampling({}, Extras(options={"seed": "x"}), Target("s"))
    assert (caught.value.status, caught.value.message) == (
        400,
        'option "seed" must be of type integer',
    )


@pytest.mark.parametrize(
    ("value", "left"),
    [(-1, None), (0, None), (5, 5), (100, 100), (101, 100), ("x", "x"), (None, None)],
)
def test_limits(value: object, left: object):
    body = {} if value is None else {"max_tokens": value}
    limit(body, "max_tokens", Target("s", 100))
    assert body.get("max_tokens") == left


def test_a_limit_before_an_unknown_window():
    body = {"max_tokens": 10**6}
    limit(body, "max_tokens", Target("s"))
    assert body == {"max_tokens": 10**6}


def test_tools():
    with pytest.raises(
        BadRequest, match=r"^registry\.ollama\.ai/library/m:latest does not support"
    ):
        check_tools(PLAIN)
    check_tools(Model("m", "m", frozenset({"tools"}), Target("s")))
    for body in ({"tools": []}, {"tool_choice": "auto"}, {"tools": [], "tool_choice": "auto"}):
        drop_empty_tools(body)
        assert body == {}
    body = {"tools": [1], "tool_choice": "auto"}
    drop_empty_tools(body)
    assert body == {"tools": [1], "tool_choice": "auto"}


@pytest.mark.parametrize("word", EFFORTS)
def test_words_of_effort(word: str):
    assert effort({"reasoning_effort": word}) == word
    assert effort({"reasoning": {"effort": word}, "reasoning_effort": "x"}) == word


@pytest.mark.parametrize("value", ["x", "High", 5, True, [1], {"a": 1}])
def test_other_words_of_effort(value: object):
    with pytest.raises(BadRequest, match=r"^invalid reasoning value: .* or \"none\"\)$"):
        effort({"reasoning": {"effort": value}})


@pytest.mark.parametrize("body", [{}, {"reasoning_effort": ""}, {"reasoning": {"effort": None}}])
def test_no_effort(body: dict):
    assert effort(body) is None


@pytest.mark.parametrize(
    ("asked", "think", "expected"),
    [
        (None, None, None),
        (None, False, False),
        (None, "low", "low"),
        ("none", True, False),
        ("ultra", None, "max"),
        ("xhigh", False, "xhigh"),
    ],
)
def test_effort_and_think(asked: str | None, think: bool | str | None, expected: object):
    assert think_of(asked, Extras(think=think), THINKER) == expected


def test_a_model_that_can_not_think():
    assert think_of("none", Extras(), PLAIN) is False
    assert think_of(None, Extras(think=False), PLAIN) is False
    for asked, think in (("low", None), (None, True), (None, "max")):
        with pytest.raises(BadRequest, match=r'^"m" does not support thinking$'):
            think_of(asked, Extras(think=think), PLAIN)


def test_the_switch():
    body: dict = {"chat_template_kwargs": {"thinking": True}}
    add_switch(body, False, THINKER.target)
    assert body == {"chat_template_kwargs": {"enable_thinking": False, "thinking": True}}
    body = {}
    add_switch(body, None, PLAIN.target)
    assert body == {}
