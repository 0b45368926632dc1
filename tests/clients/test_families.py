"""Real clients, unmodified, each family in an environment of its own.

What they do is written in sessions/with_FAMILY.py and node/FAMILY/session.mjs, in their own words.
"""

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.clients import environments, running
from tests.clients.environments import FAMILIES
from tests.support import machine


@pytest.mark.clients
@pytest.mark.timeout(240)
@pytest.mark.parametrize("family", FAMILIES["python"], ids=str)
async def test_python(willing, count, family: str):
    outcome = await running.own_session(family, willing.url)
    outcome.judge()
    count(outcome)


@pytest.mark.clients
@pytest.mark.node
@pytest.mark.timeout(240)
@pytest.mark.parametrize("family", FAMILIES["npm"], ids=str)
async def test_javascript(willing, count, family: str):
    outcome = await running.node_session(family, willing.url)
    outcome.judge()
    count(outcome)


@pytest.mark.parametrize("family", FAMILIES["python"], ids=str)
def test_a_lock_has_the_pinned_versions(family: str):
    lines = (environments.LOCKS / f"{family}.lock").read_text().splitlines()
    locked = {line.split(" ")[0] for line in lines if "==" in line}
    wanted = {re.sub(r"\[.*\]", "", package) for package in FAMILIES["python"][family]}
    assert wanted <= locked


@pytest.mark.parametrize("family", FAMILIES["npm"], ids=str)
def test_a_node_lock_has_the_pinned_versions(family: str):
    folder = environments.NODE / family
    assert (folder / "package.json").read_text() == environments.package_json(family)
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    assert locked[""]["dependencies"] == FAMILIES["npm"][family]


def test_an_environment_of_another_lock_goes_and_a_report_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "MADE", tmp_path)
    (tmp_path / "x.xml").write_text("<report/>")
    first = environments.made("x", b"one", Path.mkdir)
    assert environments.made("x", b"one", Path.mkdir) == first
    second = environments.made("x", b"two", Path.mkdir)
    assert sorted(tmp_path.iterdir()) == sorted([second, tmp_path / "x.xml"])


def test_the_page_is_compared_by_whole_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "PAGE", tmp_path / "page.md")
    running.PAGE.write_text("    a 1: 13 passed\n    b 1: 2 passed, 1 expected to fail\n")
    running.assert_the_page_says("a 1: 13 passed")
    for line in ("1: 13 passed", "a 1: 1", "b 1: 2 passed"):
        with pytest.raises(AssertionError, match="should say"):
            running.assert_the_page_says(line)


def test_the_page_has_the_counts_of_clients_without_an_environment():
    files = [f"tests/clients/{file}" for own in running.HERE.values() for file in own]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-qq", "-o", "addopts=", *files]
    collected = subprocess.run(
        command, cwd=machine.ROOT, capture_output=True, text=True, check=True
    )
    names = []
    for line in collected.stdout.splitlines():  # FILE: COUNT
        file, _, count = line.rpartition(": ")
        names += [f"{file}::"] * int(count if file else 0)
    lines = running.counted_here(names)
    assert len(lines) == len(running.HERE)
    for line in lines:
        running.assert_the_page_says(line)


def test_the_client_in_this_environment_has_the_pinned_version():
    [package] = FAMILIES["here"]["ollama-python"]
    assert package == f"ollama=={importlib.metadata.version('ollama')}"
    groups = tomllib.loads((machine.ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert package in groups["tests"]
