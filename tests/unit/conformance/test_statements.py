from __future__ import annotations

import re

import pytest

from adapter.conformance.rules import RULES
from adapter.conformance.runner import _REQUEST_FIRST
from adapter.conformance.statements import INCLUDED, all_statements, select
from adapter.conformance.streams import RULES as STREAM_RULES
from adapter.conformance.target import CONDITIONS, ROLES

STATEMENTS = all_statements()
NAMES = {"model": "m", "plain": "p", "PLAIN": "P", "embed": "e", "insert": "i"}


def test_there_are_hundreds_and_each_has_its_own_id():
    assert len(STATEMENTS) >= 270
    assert len({statement.id for statement in STATEMENTS}) == len(STATEMENTS)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.id)
def test_the_code_knows_every_word_of_a_statement(statement):
    assert statement.level in INCLUDED["all"]
    assert statement.source
    assert bool(statement.why) == (statement.level == "na")
    assert statement.expect.keys() <= RULES.keys()
    assert "status" in statement.expect
    assert statement.expect.get("stream_rules", {}).keys() <= STREAM_RULES.keys()
    assert set(statement.requires) <= CONDITIONS.keys()
    assert {role.lower() for role in statement.placeholders} <= ROLES.keys()
    assert statement.filled(NAMES).placeholders == set()
    known = not statement.setup or statement.setup == "unload all"
    assert known or _REQUEST_FIRST.fullmatch(statement.setup)


@pytest.mark.parametrize("statement", select("all"), ids=lambda statement: statement.id)
def test_what_a_report_says_is_true_of_any_server(statement):
    """It is read by people who never saw this project: threads are named with their repository."""
    said = f"{statement.statement} {statement.why}"
    assert re.search(r"adapter|proxy|vllm|upstream", said, re.IGNORECASE) is None
    assert re.search(r"(?<!ollama/ollama)#\d", said) is None


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.id)
def test_what_it_creates_is_cleaned_up(statement):
    """A copy or creation that succeeds leaves a name behind, which must be among `creates`."""
    asked = [statement.setup, f"{statement.request['method']} {statement.request['path']}"]
    creates = any("POST /api/copy" in one or "POST /api/create" in one for one in asked)
    if creates and (statement.expect["status"] == 200 or statement.setup):
        assert statement.creates
    assert all(name.startswith(("conf-", "newone")) for name in statement.creates)


def test_the_levels():
    core, extended, everything = select("core"), select("extended"), select("all")
    assert {statement.level for statement in core} == {"core"}
    assert set(map(id, core)) < set(map(id, extended)) < set(map(id, everything))
    assert everything == STATEMENTS


def test_a_prefix():
    assert [statement.id for statement in select("core", "HTTP-01")] == ["HTTP-01"]
    assert all(statement.id.startswith("X-CHAT-") for statement in select("all", "X-CHAT-"))
    assert select("all", "nothing") == ()


def test_filling_in():
    [statement] = select("all", "CHAT-17")
    assert statement.placeholders == {"plain"}
    filled = statement.filled({"plain": "tiny"})
    assert filled.request["body"]["model"] == "library/tiny"
    assert filled.expect["body_subset"] == {"model": "library/tiny"}
    assert statement.request["body"]["model"] == "library/{{plain}}"


def test_filling_in_where_the_body_is_text():
    [statement] = select("all", "HTTP-20")
    assert statement.filled({"model": "m"}).request["raw_body"] == '{"model":"m"} trailing'


def test_a_name_that_is_missing():
    [statement] = select("all", "CHAT-17")
    with pytest.raises(KeyError):
        statement.filled({})
