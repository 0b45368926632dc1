"""What the documentation says is what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from adapter.server.routes import ROUTES
from adapter.settings import load_settings

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def test_printed_pages_are_current() -> None:
    command = [sys.executable, "docs/generate.py", "--check"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert printed.stderr == ""
    assert printed.returncode == 0


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_every_route_is_in_the_readme(route: object) -> None:
    assert f"`{route.path}`" in (ROOT / "README.md").read_text()  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


def test_the_architecture_names_files_that_exist() -> None:
    page = (ROOT / "docs/explanation/architecture.md").read_text()
    line = page.partition("```")[2].partition("```")[0]
    files = re.findall(r"[a-z_/]+\.py", line)
    assert len(files) >= 8
    assert [file for file in files if not (ROOT / "adapter" / file).is_file()] == []


def test_the_example_configuration_is_valid(tmp_path: Path) -> None:
    page = (ROOT / "docs/howto/before-an-existing-vllm.md").read_text()
    block = re.search(r"((?:    .*\n|\n)*    \[\[upstreams\]\]\n(?:    .*\n|\n)*)", page)
    assert block is not None
    file = tmp_path / "adapter.toml"
    file.write_text(re.sub(r"(?m)^    ", "", block[1]))
    settings = load_settings(environ={}, file=str(file))
    assert settings.models["llama3.2"].aliases == ("llama3.2:3b",)


@pytest.mark.parametrize("name", ["several-upstreams", "fall-back-and-roll-back"])
def test_the_configurations_of_several_upstreams_are_valid(tmp_path: Path, name: str) -> None:
    page = (ROOT / f"docs/howto/{name}.md").read_text()
    block = re.search(r"((?:    .*\n|\n)*    \[\[upstreams\]\]\n(?:    .*\n|\n)*)", page)
    assert block is not None
    file = tmp_path / "adapter.toml"
    file.write_text(re.sub(r"(?m)^    ", "", block[1]))
    settings = load_settings(environ={}, file=str(file))
    assert [upstream.kind for upstream in settings.upstreams] == ["vllm", "ollama"]


def test_the_makefile_has_what_the_pages_use() -> None:
    targets = set(re.findall(r"(?m)^([a-z0-9-]+):", (ROOT / "Makefile").read_text()))
    used = {
        word
        for page in PAGES
        for word in re.findall(r"(?:`|^    )make ([a-z0-9-]+)", page.read_text(), re.M)
    }
    assert used <= targets
