"""The program that measures ingestion, on files that take no time."""

from __future__ import annotations

import pytest

from tests.services.load.ingest import FORMS, arguments, run


@pytest.mark.parametrize("kind", FORMS)
async def test_every_kind_is_measured(kind: str, capsys: pytest.CaptureFixture[str]):
    await run(arguments(["--files", "2", "--dimension", "8", "--kind", kind]))
    assert "2 added: " in capsys.readouterr().out
