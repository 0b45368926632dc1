"""Real clients, unmodified, each family in an environment of its own.

What they do is written in sessions/with_FAMILY.py and node/FAMILY/session.mjs, in their own words.
"""

import importlib.metadata
import json
import re
import tomllib

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


def test_the_client_in_this_environment_has_the_pinned_version():
    [package] = FAMILIES["here"]["ollama-python"]
    assert package == f"ollama=={importlib.metadata.version('ollama')}"
    groups = tomllib.loads((machine.ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert package in groups["tests"]
