"""One Chromium for all tests of the page, and a tab with the page for each."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients import environments
from tests.services.house import Rag, Stack
from tests.services.page import chromium
from tests.services.page.tab import Tab, opened
from tests.support import machine

HERE = Path(__file__).parent
TIMEOUT = 300
"""Seconds for the first test of a fresh checkout, which gets Chromium."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(TIMEOUT))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says loudly that nobody looked at the page; a skip is easily overlooked."""
    skipped = [
        report.longrepr[2]
        for report in terminalreporter.stats.get("skipped", ())
        if isinstance(report.longrepr, tuple) and chromium.NOT_HERE in report.longrepr[2]
    ]
    if skipped:
        title = "THE PAGE WAS NOT TESTED IN A BROWSER"
        terminalreporter.write_sep("!", title, red=True, bold=True)
        why = skipped[0].removeprefix("Skipped: ")
        terminalreporter.write_line(f"{len(skipped)} tests: {why}")


@pytest.fixture(scope="session")
def devtools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chromium.running(tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, which finds what keeps people from using a page."""
    _, npm = machine.node()
    files = ("package.json", "package-lock.json")

    def make(folder: Path) -> None:
        folder.mkdir(parents=True)
        for name in files:
            shutil.copy(HERE / "axe" / name, folder)
        environments.run(npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)

    lock = (HERE / "axe" / "package-lock.json").read_bytes()
    folder = environments.made("axe", lock, make)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


@dataclass
class Page:
    """The page in a tab, and the services behind it."""

    tab: Tab
    rag: Rag
    stack: Stack

    async def ask(self, question: str) -> None:
        await self.tab.click("#question")
        await self.tab.write(question)
        await self.tab.press("Enter")

    async def answered(self, answers: int = 1) -> None:
        """Waits until so many answers are whole."""
        whole = "document.querySelectorAll('.answer[aria-busy=false]').length"
        await self.tab.until(f"{whole} === {answers}")

    async def listed(self, documents: int) -> None:
        """Waits until so many are listed and nothing is under way."""
        await self.tab.until(
            f"document.querySelectorAll('#list li').length === {documents}"
            " && !document.querySelector('#uploads progress')"
        )


@pytest.fixture
async def page(devtools: str, stack: Stack, rag: Rag) -> AsyncIterator[Page]:
    """Open, with an empty shelf. Complaints of the browser fail the test."""
    async with opened(devtools) as tab:
        await tab.open(f"{rag.url('chatqna')}/")
        await tab.until("document.querySelector('#documents-empty').checkVisibility()")
        yield Page(tab, rag, stack)
        assert not tab.problems
        own = rag.url("chatqna")
        assert not [url for url in tab.requested if not url.startswith((own, "about:"))]
