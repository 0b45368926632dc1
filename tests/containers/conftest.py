"""One daemon with the project's images for all tests of this folder, and a fresh stack for each."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.containers import images, workshop
from tests.containers.daemon import Daemon
from tests.containers.stack import Stack

TIMEOUT = 400
"""Seconds for the first test of a fresh checkout, which gets packages and builds images."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.containers)
            item.add_marker(pytest.mark.timeout(TIMEOUT))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says loudly that nothing was seen of containers; a skip is easily overlooked."""
    here = Path(__file__).parent
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", ()):
        place, _, why = report.longrepr if isinstance(report.longrepr, tuple) else ("", 0, "")
        if workshop.NOT_HERE in why and (Path.cwd() / place).is_relative_to(here):
            reasons[why] = reasons.get(why, 0) + 1
    if reasons:
        terminalreporter.write_sep("!", "THE CONTAINERS WERE NOT TESTED", red=True, bold=True)
        for why, count in reasons.items():
            terminalreporter.write_line(f"{count} tests: {why.removeprefix('Skipped: ')}")


@pytest.fixture(scope="session")
def daemon() -> Iterator[Daemon]:
    """A daemon that has every image that compose.yaml needs for cpu, vision and phase1."""
    workshop.prepare()
    root = Path(tempfile.mkdtemp(prefix="ovs-"))  # short: a socket's path has 107 letters at most
    running = Daemon(root)
    try:
        with ThreadPoolExecutor(1) as beside:
            archive = beside.submit(images.adapter_archive, root)
            running.start()
            images.build(running, root)
            images.load(running, archive.result())
        yield running
    finally:
        running.stop()
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def stack(daemon: Daemon, tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Makes a stack with settings of its .env; everything of it is gone afterwards."""
    made: list[Stack] = []

    def make(**settings: str) -> Stack:
        made.append(Stack(daemon, tmp_path, **settings))
        return made[-1]

    yield make
    for one in made:
        one.gone()
