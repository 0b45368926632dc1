import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import BadRequest
from adapter.translate.target import FimTokens, Target
from adapter.translate.v1_chat import chat, check_chat, completion, image_url, refuse_remote
from adapter.translate.v1_fields import Extras, Model
from adapter.translate.v1_messages import messages
from adapter.translate.v1_responses import responses
from adapter.wire.ollama import Message
from tests.unit.strategies import JSON

ALL = frozenset({"completion", "tools", "thinking", "insert"})


def model(target: Target, can: frozenset[str] = ALL) -> Model:
    return Model("m", "full", can, target)


def translated(body: dict, target: Target) -> dict:
    check_chat(body)
    chat(body, Extras(), model(target))
    return body


def test_a_models_own_words_stand_in_front():
    own = Target("s", system="be", turns=(Message(role="user", content="a"),))
    hi = {"role": "user", "content": "hi"}
    be, a = {"role": "system", "content": "be"}, {"role": "user", "content": "a"}
    assert translated({"messages": [hi]}, own)["messages"] == [be, a, hi]
    other = {"role": "system", "content": "other"}
    assert translated({"messages": [other, hi]}, own)["messages"] == [a, other, hi]
    developer = {"role": "developer", "content": "other"}
    assert translated({"messages": [developer]}, own)["messages"] == [a, other]


@pytest.mark.parametrize("translate", [chat, messages, responses])
def test_a_template_of_its_own_is_refused_rather_than_ignored(translate):
    made = model(Target("s", template="{{ .Prompt }}"))
    body = {"messages": [{"role": "user", "content": "hi"}], "input": "hi", "max_tokens": 5}
    with pytest.raises(BadRequest, match=r'^"m" has a template of its own'):
        translate(body, Extras(), made)


def test_the_request_is_not_changed_under_the_clients_hands():
    turn = {"role": "developer", "content": "a", "tool_calls": []}
    kept = json.loads(json.dumps(turn))
    check_chat({"messages": [turn]})
    assert turn == kept


def test_arguments_stay_as_they_were_written():
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{ "a" : 1 }'}}
    body = {"messages": [{"role": "assistant", "tool_calls": [call]}]}
    check_chat(body)
    assert body["messages"][0]["tool_calls"] == [call]


@pytest.mark.parametrize("arguments", [None, "", {}])
def test_no_arguments_are_an_empty_object(arguments: object):
    call = {"function": {"name": "f", "arguments": arguments}}
    body = {"messages": [{"content": "", "tool_calls": [call, call]}]}
    check_chat(body)
    first, second = body["messages"][0]["tool_calls"]
    assert json.loads(first["function"]["arguments"]) == {}
    assert first["id"] != second["id"]


@pytest.mark.parametrize(
    "url",
    [
        "data:image/jpeg;base64,/9j/",
        "data:image/jpg;base64,/9j/",
        "data:image/png;base64,",
        "data:image/webp;base64,AAAA",
    ],
)
def test_pictures_that_are_taken(url: str):
    assert image_url(url) == url


def test_a_picture_that_does_not_say_what_it_is():
    assert image_url("data:;base64,/9j/") == "data:image/jpeg;base64,/9j/"


@pytest.mark.parametrize(
    "url",
    [
        "data:image/gif;base64,AAAA",
        "data:image/png;base64,A",
        "data:image/png;base64,%%%%",
        "data:image/png;base64,é",
        "data:text/html,x",
        "",
        None,
        {},
    ],
)
def test_pictures_that_are_none(url: object):
    with pytest.raises(BadRequest, match=r"^invalid image input$"):
        image_url(url)


def test_fill_in_by_the_models_own_marks():
    fim = Target("s", 50, fim=FimTokens("<P>", "<S>", "<M>"))
    body = {"prompt": "a", "suffix": "c"}
    completion(body, Extras(), model(fim))
    assert body == {"prompt": "<P>a<S>c<M>", "max_tokens": 50}
    body = {"prompt": "a", "suffix": "c"}
    completion(body, Extras(), model(Target("s")))
    assert body == {"prompt": "a", "suffix": "c"}
    with pytest.raises(BadRequest, match="full does not support insert"):
        completion({"prompt": "a", "suffix": "c"}, Extras(), model(fim, frozenset()))
    with pytest.raises(BadRequest, match="one string"):
        completion({"prompt": ["a"], "suffix": "c"}, Extras(), model(fim))


TURN = st.dictionaries(
    st.sampled_from(["role", "content", "tool_calls", "tool_call_id", "name"]), JSON
)
PART = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "video_url", "x"]) | JSON},
    optional={"text": JSON, "image_url": JSON, "video_url": JSON},
)


@given(turns=st.lists(TURN | PART.map(lambda part: {"content": [part]}), min_size=1, max_size=3))
def test_any_messages_are_taken_or_refused(turns: list[dict]):
    body = {"messages": turns}
    with suppress(BadRequest):
        check_chat(body)
        chat(body, Extras(), model(Target("s", 100, thinks=True)))


@given(
    fields=st.dictionaries(
        st.sampled_from(["tool_choice", "stop", "temperature", "seed", "n", "prompt"]), JSON
    )
)
def test_any_other_fields_are_left_to_the_engine(fields: dict):
    body = fields | {"messages": [{"role": "user", "content": ""}]}
    assert translated(dict(body), Target("s"))["messages"] == body["messages"]
    completion(dict(fields), Extras(), model(Target("s")))


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"content": [{"type": "image_url", "image_url": {"url": "http://x/y"}}]}]},
        {"queries": [{"video_url": "https://x"}]},
        {"documents": {"content": [{"audio_url": {"url": "file:///etc/passwd"}}]}},
        {"text_1": [[{"image_url": {"detail": "low"}}]]},
    ],
)
def test_what_the_engine_would_fetch_is_refused(body: dict):
    with pytest.raises(BadRequest, match=r"^image URLs are not currently supported"):
        refuse_remote(body)


def test_what_lies_in_the_body_is_not():
    refuse_remote({"image_url": "data:image/png;base64,AAAA", "a": [{"image_url": None}], "b": 1})


def test_an_echo_may_be_all_that_is_wanted():
    body = {"prompt": "hi", "max_tokens": 0, "echo": True, "logprobs": 1}
    completion(body, Extras(), model(Target("s", 4096)))
    assert body["max_tokens"] == 0


def test_of_a_models_many_stop_strings_the_engine_gets_what_it_takes():
    own = Target("s", options={"stop": ["a", "b", "c", "d", "e"]})
    body = translated({"messages": [{"role": "user", "content": "hi"}]}, own)
    assert body["stop"] == ["a", "b", "c", "d"]


def test_line_ends_in_base64_are_nothing():
    assert image_url("data:image/png;base64,AA\nAA") == "data:image/png;base64,AAAA"


def test_a_gap_is_filled_by_the_models_own_template():
    own = Target("s", 4096, template="<P>{{ .Prompt }}<S>{{ .Suffix }}<M>")
    body = {"prompt": "a", "suffix": "b"}
    completion(body, Extras(), model(own))
    assert body["prompt"] == "<P>a<S>b<M>"
    assert "suffix" not in body
