"""The how-to of answers from documents names only what there is."""

from __future__ import annotations

import re
from pathlib import Path

from services.roles.table import ROLES
from services.settings import variables

from adapter.settings import load_settings
from tests.support import machine

PAGE = (machine.ROOT / "docs" / "howto" / "ask-your-documents.md").read_text()
REDIS = (machine.ROOT / "compose" / "redis.yaml").read_text()
EXAMPLE = (machine.ROOT / "compose" / ".env.example").read_text()


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    block = re.search(r"((?:    .*\n|\n)*    \[\[upstreams\]\]\n(?:    .*\n|\n)*)", PAGE)
    assert block is not None
    file = tmp_path / "adapter.toml"
    file.write_text(re.sub(r"(?m)^    ", "", block[1]))
    settings = load_settings(environ={}, file=str(file))
    assert [upstream.kind for upstream in settings.upstreams] == ["vllm", "vllm", "openai"]
    assert settings.models["chatqna"].upstream == "chatqna"


def test_every_variable_is_a_setting_of_services_or_stack() -> None:
    named = {*re.findall(r"\b(?:[A-Z]+_)+[A-Z]+\b", PAGE)}
    of_stack = {*re.findall(r"^#?(\w+)=", EXAMPLE, re.MULTILINE)}
    of_stack |= {*re.findall(r"\$\{(\w+)", REDIS)}
    assert named - {*variables().values()} - of_stack == set()


def test_every_route_is_one() -> None:
    named = {*re.findall(r":(?:8888|6007)(/v1/[a-z/_]+)", PAGE)}
    there = {route.split()[1] for role in ROLES.values() for route in role.routes}
    assert named <= there
    assert len(named) >= 5
