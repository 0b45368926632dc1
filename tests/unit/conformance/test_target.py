from __future__ import annotations

from typing import Any

import pytest

from adapter.conformance.statements import Statement, select
from adapter.conformance.target import Target, hindrance

NAMES = {"model": "m", "plain": "p", "PLAIN": "P", "embed": "e", "insert": "i"}


def statement(number: str) -> Statement:
    [found] = (one for one in select("all", number) if one.id == number)
    return found


def hindered(number: str, **known: Any) -> str:
    return hindrance(statement(number), Target("http://127.0.0.1", **({"names": NAMES} | known)))


def test_nothing_in_the_way():
    assert hindered("CHAT-12") == ""
    assert hindered("HTTP-01", names={}) == ""


@pytest.mark.parametrize(
    ("number", "known", "reason"),
    [
        ("CHAT-12", {"names": {"model": "m"}}, "--plain NAME"),
        ("CHAT-19", {"names": {}}, "--plain NAME"),
        ("PS-01", {"names": {"plain": "p"}}, "--model NAME"),
        ("GEN-17", {"names": {"plain": "p"}}, "--insert NAME"),
        ("CHAT-21", {}, "--scripted"),
        ("MGMT-05", {}, "--pull"),
        ("HOST-11", {"loopback": False}, "loopback"),
        ("CHAT-17", {"names": {"plain": "org/p"}}, "namespace"),
        ("X-CHAT-14", {"names": {"plain": "p:8b"}}, "tag"),
        ("EMB-16", {"windows": {"e": 2048}}, "600 words"),
        ("MGMT-13", {"taken": frozenset(["conf-copy:latest"])}, "conf-copy"),
        ("MGMT-13", {"taken": frozenset(["conf-copy"])}, "conf-copy"),
    ],
)
def test_what_is_in_the_way(number: str, known: dict[str, Any], reason: str):
    assert reason in hindered(number, **known)


@pytest.mark.parametrize(
    ("number", "known"),
    [
        ("CHAT-21", {"scripted": True}),
        ("MGMT-05", {"pull": True}),
        ("CHAT-17", {"names": {"plain": "p:8b"}}),
        ("X-CHAT-14", {"names": {"plain": "host:5000/p"}}),
        ("EMB-16", {"windows": {"e": 512, "m": 2048}}),
        ("MGMT-13", {"taken": frozenset(["other:latest"])}),
    ],
)
def test_what_is_not(number: str, known: dict[str, Any]):
    assert hindered(number, **known) == ""
