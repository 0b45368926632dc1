"""The judges that know these formats: hadolint, shellcheck, compose's schema, promtool."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.compose import dashboards
from tests.compose.compose_file import DOCKERFILES, FOLDER, SCRIPTS
from tests.containers import workshop
from tests.support import machine
from tests.support.recordings import recording

PROMETHEUS = FOLDER / "prometheus"
HADOLINT_IGNORED = (
    "DL3006",  # the version is in the ARG, which it does not read
    "DL3042",  # a wheel house is made on purpose; nothing of it reaches the last stage
)
OLDER_NAMES = {"vllm:time_per_output_token_seconds_bucket", "vllm:gpu_cache_usage_perc"}
"""Of vLLM before 0.11; asked for after the newer ones with `or`."""


def judged(*command: str, cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def installed(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    return found or pytest.skip(f"{name} not found")


@pytest.mark.parametrize("name", sorted(DOCKERFILES))
def test_hadolint(name: str) -> None:
    ignored = [part for rule in HADOLINT_IGNORED for part in ("--ignore", rule)]
    judged(installed("hadolint"), *ignored, str(DOCKERFILES[name]))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck(script: Path) -> None:
    found = shutil.which("shellcheck") or workshop.tool("shellcheck")
    judged(found, "--external-sources", script.name, cwd=script.parent)


def test_compose_schema() -> None:
    schema = "vendor.compose-spec"
    judged(installed("check-jsonschema"), "--builtin-schema", schema, str(FOLDER / "compose.yaml"))


def test_promtool() -> None:
    promtool = shutil.which("promtool") or workshop.tool("promtool")
    judged(promtool, "check", "config", "prometheus.yml", cwd=PROMETHEUS)
    judged(promtool, "test", "rules", "tests/stack_test.yml", cwd=PROMETHEUS)


def test_promtool_reads_every_expression_of_the_dashboards(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expr.replace("$__rate_interval", "5m")}
        for number, expr in enumerate(dashboards.expressions())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    judged(shutil.which("promtool") or workshop.tool("promtool"), "check", "rules", str(file))


def test_metrics_asked_for_are_told_by_adapter_services_or_engine() -> None:
    pages = ("metrics.md", "services.md")
    told = [(machine.ROOT / "docs" / "reference" / page).read_text() for page in pages]
    ours = {*re.findall(r"^\| `(\w+)` \|", "\n".join(told), re.MULTILINE)}
    raw = recording("metrics_raw").body.decode()
    theirs = {*re.findall(r"^([\w:]+)(?:\{| )", raw, re.MULTILINE)}
    rules = (PROMETHEUS / "rules" / "stack.yml").read_text()
    asked = "\n".join([*dashboards.expressions(), *re.findall(r"expr: (.*)", rules)])
    names = {*re.findall(r"\b(?:adapter_|rag_|vllm:)\w+", asked)}
    ends = re.compile(r"_(bucket|sum|count)$")
    unknown = {name for name in names if ends.sub("", name) not in ours and name not in theirs}
    assert unknown == OLDER_NAMES


def test_every_panel_has_a_title_and_a_unit() -> None:
    for panel in dashboards.panels():
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
    titles = [panel["title"] for panel in dashboards.panels()]
    assert len({*titles}) == len(titles)
