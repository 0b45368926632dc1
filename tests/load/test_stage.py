"""Targets that stand only in long runs: that they do must not be found out there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.stage import Stage
from tests.load.targets import BARE, BARE_BYTES, BY_NAME


@pytest.mark.timeout(90)
@pytest.mark.parametrize("name", [BARE, BARE_BYTES])
def test_the_bare_data_plane_answers_rightly(name: str, tmp_path: Path):
    with Stage(tmp_path, tmp_path) as stage:
        standing = stage.stand(BY_NAME[name])
        assert stage.skipped == {}
        assert standing is not None
