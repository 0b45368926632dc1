from __future__ import annotations

from launcher.errors import TryAgain
from launcher.findings import Findings


def test_what_lasts_outweighs_what_passes() -> None:
    found = Findings()
    assert found.code == 0
    found.add(TryAgain("later"))
    assert found.code == 75
    found.refuse("never")
    assert found.code == 78
