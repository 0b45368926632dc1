from __future__ import annotations

from dataclasses import replace

import pytest

from adapter.conformance.choosing import Card, bare, choose, is_of_the_cloud

THINKER = Card("qwen3", frozenset({"completion", "tools", "thinking"}))
CALLER = Card("hermes", frozenset({"completion", "tools"}))
TALKER = Card("tiny", frozenset({"completion"}))
WRITER = Card("coder", frozenset({"completion", "insert"}))
WIDE = Card("nomic", frozenset({"embedding"}), 2048)
NARROW = Card("minilm", frozenset({"embedding"}), 256)


def test_each_role_gets_a_model_that_can():
    assert choose([CALLER, TALKER, THINKER, WRITER, WIDE, NARROW], {}) == {
        "model": "qwen3",
        "plain": "tiny",
        "PLAIN": "TINY",
        "embed": "minilm",
        "insert": "coder",
    }


def test_what_nobody_can_is_left_out():
    assert choose([CALLER], {}) == {}
    assert choose([], {}) == {}
    assert choose([WIDE], {}) == {"embed": "nomic"}


def test_what_was_given_is_taken_as_it_is():
    assert choose([THINKER, TALKER], {"plain": "Mine:8b", "model": "hermes"}) == {
        "model": "hermes",
        "plain": "Mine:8b",
        "PLAIN": "MINE:8B",
    }


def test_a_bare_name_is_best_then_one_without_a_namespace():
    names = ["org/a", "b:8b", "c"]
    cards = [Card(name, TALKER.capabilities) for name in names]
    assert choose(cards, {})["plain"] == "c"
    assert choose(cards[:2], {})["plain"] == "b:8b"
    assert choose(cards[:1], {})["plain"] == "org/a"


def test_plain_is_a_model_that_can_do_nothing_but_talk():
    seer = Card("a", frozenset({"completion", "vision"}))
    writer = Card("b", WRITER.capabilities)
    assert choose([seer, writer, THINKER, CALLER, TALKER], {})["plain"] == "tiny"
    assert "plain" not in choose([seer, writer, THINKER, CALLER], {})


@pytest.mark.parametrize("role", ["model", "plain", "embed", "insert"])
def test_a_model_of_its_own_is_better_than_one_made_from_another(role: str):
    own = {"model": THINKER, "plain": TALKER, "embed": WIDE, "insert": WRITER}[role]
    made = replace(NARROW if role == "embed" else own, name="a", parent=own.name)
    assert choose([made, own], {})[role] == own.name
    assert choose([made], {})[role] == "a"
    assert choose([made, replace(own, name="org/own:8b")], {})[role] == "org/own:8b"


def test_an_embedder_that_does_not_tell_its_window_comes_last():
    assert choose([Card("x", WIDE.capabilities), NARROW], {})["embed"] == "minilm"


@pytest.mark.parametrize(
    ("name", "short"), [("a:latest", "a"), ("a:8b", "a:8b"), ("org/a:latest", "org/a"), ("a", "a")]
)
def test_bare(name: str, short: str):
    assert bare(name) == short


def test_cloud():
    assert [is_of_the_cloud(n) for n in ("a:cloud", "a:8b-cloud", "cloud:8b")] == [
        True,
        True,
        False,
    ]
