"""Runs a client's session in the client's own environment and counts what passed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from tests.clients import environments
from tests.support import machine

PAGE = machine.ROOT / "docs" / "reference" / "clients.md"
SESSIONS = Path(__file__).parent / "sessions"
WITHIN = 100.0
"""Seconds for a session."""

QUIET = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HAYSTACK_TELEMETRY_ENABLED": "False"}
"""For clients that would call home."""

HERE = {
    "ollama-python " + environments.FAMILIES["here"]["ollama-python"][0].partition("==")[2]: (
        "test_ollama_python.py",
        "test_ollama_python_features.py",
    ),
    "curl": ("test_curl.py",),
}
"""Clients that need no environment of their own, and the files of tests that drive them."""


@dataclass
class Outcome:
    """Names of tests or steps; of those that failed, with the reason."""

    title: str
    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    output: str = ""

    def line(self) -> str:
        counts = [f"{len(self.passed)} passed"]
        if self.failed:
            counts.append(f"{len(self.failed)} expected to fail")
        if self.skipped:
            counts.append(f"{len(self.skipped)} skipped by their own suite")
        return f"{self.title}: {', '.join(counts)}"

    def judge(self, expected: Mapping[str, str] | None = None) -> None:
        """Fails unless something passed, and what failed is what is expected to."""
        unexpected = {k: v for k, v in self.failed.items() if k not in (expected or {})}
        assert not unexpected, "\n\n".join(f"{k}:\n{end(v)}" for k, v in unexpected.items())
        missing = set(expected or ()) - set(self.failed)
        assert not missing, f"expected to fail, but did not: {sorted(missing)}"
        assert self.passed, f"no test ran:\n{self.output[-4000:]}"


def assert_the_page_says(line: str) -> None:
    """Compares whole lines: "3 passed" is no part of "13 passed"."""
    lines = [said.strip() for said in PAGE.read_text().splitlines()]
    assert line in lines, f"{PAGE} should say: {line}"


def counted_here(passed: Iterable[str]) -> list[str]:
    """A line for each client of HERE; `passed` are pytest's ids of tests."""
    files = [name.partition("::")[0].removeprefix("tests/clients/") for name in passed]
    counts = {title: sum(map(files.count, own)) for title, own in HERE.items()}
    return [f"{title}: {count} passed" for title, count in counts.items() if count]


def end(text: str) -> str:
    """Its last lines, where the reason of a failure stands."""
    return "\n".join(text.splitlines()[-12:])


def title(family: str) -> str:
    """The family's own packages with their versions."""
    if packages := environments.FAMILIES["python"].get(family):
        return ", ".join(package.replace("==", " ") for package in packages)
    return ", ".join(f"{k} {v}" for k, v in environments.FAMILIES["npm"][family].items())


async def python_session(
    family: str, *arguments: str, folder: Path, host: str, **environ: str
) -> Outcome:
    """pytest of the family's environment, with these arguments, in that folder."""
    interpreter = await asyncio.to_thread(environments.python, family)
    report = environments.MADE / f"{family}.xml"
    report.unlink(missing_ok=True)
    command = [interpreter, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]
    command += ["--timeout=60", f"--junitxml={report}", *arguments]
    environ = {"OLLAMA_HOST": host, **QUIET, **environ}
    output = await finished(command, folder, environ)
    assert report.exists(), output
    return read(title(family), report, output)


async def own_session(family: str, host: str, kind: str = "with") -> Outcome:
    """The session that we wrote for a family of Python clients: sessions/with_FAMILY.py."""
    file = SESSIONS / f"{kind}_{family.replace('-', '_')}.py"
    alone = ["-c", "/dev/null", f"--rootdir={SESSIONS}", f"--confcutdir={SESSIONS}", "--tb=short"]
    return await python_session(family, *alone, str(file), folder=SESSIONS, host=host)


async def node_session(family: str, host: str, script: str = "session.mjs") -> Outcome:
    """The session that we wrote for a family of JavaScript clients: node/FAMILY/session.mjs."""
    node, folder = await asyncio.to_thread(environments.node_folder, family)
    output = await finished([node, str(folder / script), host], folder, {})
    outcome = Outcome(title(family), output=output)
    for row in (json.loads(line) for line in output.splitlines() if line.startswith('{"step"')):
        if row["error"] is None:
            outcome.passed.append(row["step"])
        else:
            outcome.failed[row["step"]] = row["error"]
    return outcome


async def finished(command: list[str], folder: Path, environ: Mapping[str, str]) -> str:
    """What the command printed; it is ended when it takes too long."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=machine.clean_environ(**environ),
    )
    try:
        async with asyncio.timeout(WITHIN):
            output, _ = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return output.decode()


def read(name: str, report: Path, output: str) -> Outcome:
    """pytest's report in JUnit's form."""
    outcome = Outcome(name, output=output)
    for case in ElementTree.parse(report).iter("testcase"):
        test = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        fault = case.find("failure")
        fault = case.find("error") if fault is None else fault
        skipped = case.find("skipped")
        if fault is not None:
            outcome.failed[test] = fault.text or ""
        elif skipped is not None:
            outcome.skipped[test] = skipped.get("message") or ""
        else:
            outcome.passed.append(test)
    return outcome
