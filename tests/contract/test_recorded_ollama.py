"""The recorded answers of the real Ollama server pass the statements: the suite asks nothing that
Ollama itself doesn't do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapter.conformance.reply import Reply
from adapter.conformance.rules import check
from adapter.conformance.statements import select
from tests.contract.conftest import NAMES

FILE = Path(__file__).parent / "golden.jsonl"
RECORDED = {
    exchange["id"]: exchange
    for exchange in map(json.loads, filter(None, FILE.read_text("utf-8").split("\n")))
}
STATEMENTS = {statement.id: statement for statement in select("all")}
NOT_AS_STATED = {"MGMT-05"}
"""Recorded without access to the registry, which the statement needs."""
LIKEWISE = {
    "X-HTTP-07": "HTTP-03",
    "X-HTTP-08": "CHAT-03",
    "X-CORS-01": "HTTP-03",
    "X-CHAT-01": "CHAT-12",
    "X-CHAT-02": "CHAT-33",
    "X-CHAT-03": "CHAT-14",
    "X-CHAT-08": "CHAT-14",
    "X-CHAT-10": "CHAT-08",
    "X-GEN-01": "GEN-09",
    "X-GEN-02": "GEN-11",
    "X-TAGS-01": "TAGS-01",
    "X-PS-01": "PS-01",
    "X-SHOW-01": "SHOW-05",
    "X-SHOW-04": "SHOW-02",
    "X-SHOW-05": "SHOW-05",
    "X-OAI-03": "OAI-01",
}
"""Statements of the suite's own, and a recorded answer to a request that comes to the same."""


def reply_of(exchange: dict[str, Any]) -> Reply:
    recorded = exchange["response"]
    headers: dict[str, str] = {}
    for name, value in recorded["headers"]:
        headers[name.lower()] = ", ".join(filter(None, [headers.get(name.lower()), value]))
    body = recorded.get("chunks") or [recorded.get("body", "")]
    chunks = [chunk.encode() for chunk in body if chunk]
    return Reply(int(recorded["status_line"].split(" ")[1]), headers, chunks)


@pytest.mark.parametrize("number", sorted(RECORDED.keys() - NOT_AS_STATED))
def test_ollama_passes(number: str):
    statement = STATEMENTS[number].filled(NAMES)
    assert check(statement.expect, reply_of(RECORDED[number])) == []


@pytest.mark.parametrize(("own", "number"), LIKEWISE.items())
def test_ollama_passes_what_it_was_not_asked(own: str, number: str):
    expect = STATEMENTS[own].filled(NAMES).expect
    assert check(expect, reply_of(RECORDED[number])) == []
