from __future__ import annotations

import json

from adapter.conformance.report import (
    Report,
    as_json,
    as_markdown,
    as_text,
    asked,
    by_route,
    escaped,
)
from adapter.conformance.runner import Result
from adapter.conformance.statements import Statement, select


def statement(number: str) -> Statement:
    return next(one for one in select("all", number) if one.id == number)


NAMES = {"plain": "tiny", "PLAIN": "TINY"}
PASSED = Result(statement("HTTP-01"), "passed")
FAILED = Result(
    statement("CHAT-12").filled(NAMES),
    "failed",
    tuple(f"chunk[{number}].done: expected $bool, got missing" for number in range(9)),
    got="200 'data: {}'",
)
ABSENT = Result(statement("EMB-01"), "not applicable", reason="no model")
INFORMATIVE = Result(statement("HTTP-22"), "other than Ollama", ("status: expected 404, got 200",))
REPORT = Report("http://127.0.0.1:1", "0.34.0", NAMES, [PASSED, FAILED, ABSENT, INFORMATIVE])


def test_text():
    assert (
        as_text(REPORT)
        == """\
http://127.0.0.1:1: version 0.34.0
models: plain = tiny

route            passed  failed  not applicable
GET /                 1       0               0
POST /api/chat        0       1               0
POST /api/embed       0       0               1
                      1       1               1

FAILED CHAT-12 (core): default is streaming NDJSON
  POST /api/chat {"model":"tiny","messages":[{"role":"user","content":"hi"}]}
  → 200 'data: {}'
  - chunk[0].done: expected $bool, got missing
  - chunk[1].done: expected $bool, got missing
  - chunk[2].done: expected $bool, got missing
  - chunk[3].done: expected $bool, got missing
  - chunk[4].done: expected $bool, got missing
  - chunk[5].done: expected $bool, got missing
  - and 3 more

Not applicable:
  1: no model

Not asked of a server that drives another engine; for your information:
  HTTP-22 other than Ollama: GET /metrics does not exist in Ollama; \
metrics are among what Ollama's users ask for most (ollama/ollama#3144): \
a server may have them; status: expected 404, got 200
"""
    )


def test_text_of_a_perfect_server():
    text = as_text(Report("http://127.0.0.1:1", "", {}, [PASSED]))
    assert (
        text
        == """\
http://127.0.0.1:1: version unknown
models: none

route  passed  failed  not applicable
GET /       1       0               0
            1       0               0
"""
    )


def test_markdown():
    page = as_markdown(REPORT)
    assert "| `POST /api/chat` | 0 | 1 | 0 |\n" in page
    assert "| all | 1 | 1 | 1 |\n" in page
    assert "- **CHAT-12** (core) default is streaming NDJSON\n" in page
    assert "  - `chunk[0].done: expected $bool, got missing`\n" in page
    assert "## Not applicable\n\n- 1: no model\n" in page
    assert "- **HTTP-22** other than Ollama: GET /metrics does not exist" in page


def test_json_holds_everything():
    value = json.loads(as_json(REPORT))
    assert value["counts"] == {"passed": 1, "failed": 1, "not applicable": 1}
    assert value["routes"]["POST /api/chat"] == {"passed": 0, "failed": 1, "not applicable": 0}
    assert value["models"] == NAMES
    found = {one["id"]: one for one in value["statements"]}
    assert found["HTTP-01"]["verdict"] == "passed"
    assert len(found["CHAT-12"]["faults"]) == 9
    assert found["CHAT-12"]["got"] == "200 'data: {}'"
    assert found["EMB-01"]["reason"] == "no model"
    assert found["HTTP-22"]["level"] == "na"


def test_json_always_has_every_count():
    value = json.loads(as_json(Report("http://127.0.0.1:1", "", {}, [PASSED])))
    assert value["counts"] == {"passed": 1, "failed": 0, "not applicable": 0}
    assert value["routes"] == {"GET /": value["counts"]}


def test_what_nobody_has_to_fulfil_is_not_counted():
    assert REPORT.counts == {"passed": 1, "failed": 1, "not applicable": 1}
    assert "GET /metrics" not in by_route(REPORT.results)
    assert REPORT.failed == [FAILED]


def test_a_long_request_is_cut():
    line = asked(Result(statement("EMB-16"), "passed"))
    assert line.startswith('POST /api/embed {"model":"{{embed}}"')
    assert len(line) < 200


def test_a_request_that_is_no_json():
    assert asked(Result(statement("HTTP-35"), "passed")) == "POST /api/chat {bad"


def test_nothing_breaks_a_table():
    assert escaped("a|b *c* <d> `e`") == r"a\|b \*c\* \<d> `e`"
