from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.load.peers import LOCKS, NODE, PYTHON
from tests.load.rivals import TARGETS
from tests.load.target import Missing, Place, Target


@pytest.mark.parametrize(("name", "version"), PYTHON.items())
def test_a_python_peer_is_locked_with_hashes(name: str, version: str):
    lock = (LOCKS / f"{name}.lock").read_text()
    assert f"{name}=={version} \\\n    --hash=sha256:" in lock


@pytest.mark.parametrize(("name", "version"), NODE.items())
def test_a_node_peer_is_locked_with_hashes(name: str, version: str):
    lock = json.loads((LOCKS / name / "package-lock.json").read_text())
    packages = {path: row for path, row in lock["packages"].items() if path}
    assert packages[f"node_modules/{name}"]["version"] == version
    assert all(row["integrity"] for row in packages.values())


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_peer_that_is_not_installed_is_missing(target: Target, tmp_path: Path):
    with pytest.raises(Missing, match="make bench-peers"):
        target.command(Place(tmp_path, 1, [2], tmp_path))


def test_every_peer_has_its_versions():
    assert {target.name for target in TARGETS} == {*PYTHON, *NODE}
    assert all(target.told() in {*PYTHON.values(), *NODE.values()} for target in TARGETS)
