"""OPEA's mega service beside ours: pinned, and asked only where it was installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.load import opea
from tests.services.load.chat import arguments, rows


def test_it_is_locked_with_hashes():
    text = opea.LOCK.read_text()
    assert f"{opea.NAME}=={opea.VERSION} \\\n    --hash=sha256:" in text
    wanted = [line for line in text.splitlines() if line[:1].isalnum()]
    assert len(wanted) > 50
    assert all(line.endswith(" \\") for line in wanted)  # its hashes follow


def test_it_is_missing_until_it_is_installed(tmp_path: Path):
    asked = pytest.raises(opea.Missing, match=r"`python -m tests.services.load.opea` installs it")
    with asked, (tmp_path / "log").open("wb") as log, opea.serving(1, log, tmp_path):
        raise AssertionError


@pytest.mark.skipif(not opea.HOME.exists(), reason="python -m tests.services.load.opea installs it")
def test_it_answers_before_the_same_engines():
    given = "--with-opea --clients 1 --come spread --rounds 1 --tokens 3"
    found = list(rows(arguments(given.split())))
    assert [row.who for row in found] == ["ours", "OPEA's"]
    assert all(len(row.found.first) == 4 for row in found)
