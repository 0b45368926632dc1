"""Every test that the deployment checklist names is there; a row without one says why."""

from __future__ import annotations

import re

from tests.support import machine

PAGE = machine.ROOT / "docs" / "reference" / "deployment-checklist.md"
ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+) \| (.+) \| ?(.*?) ?\|$", re.MULTILINE)
ROWS = ROW.findall(PAGE.read_text())


def test_every_test_named_is_there() -> None:
    named = {name for row in ROWS for name in re.findall(r"`([^`]+)`", row[3])}
    missing = []
    for name in sorted(named):
        file, _, test = name.partition("::")
        path = machine.ROOT / "tests" / file
        if not path.exists() or (test and f"def {test}(" not in path.read_text()):
            missing.append(name)
    assert missing == []


def test_a_row_without_a_test_says_why() -> None:
    assert [row[0] for row in ROWS if not row[3] and "not here" not in row[2]] == []


def test_numbers_are_in_order_and_none_is_left_out() -> None:
    numbers: dict[str, list[int]] = {}
    for identity, *_ in ROWS:
        numbers.setdefault(identity[0], []).append(int(identity[1:]))
    counts = {letter: len(found) for letter, found in numbers.items()}
    assert counts == dict(C=15, G=7, H=6, O=5, W=10, P=7, R=10, K=10, L=9)
    assert all(found == [*range(1, len(found) + 1)] for found in numbers.values())
