"""A real Prometheus (Debian's) with the project's configuration beside the adapter and the stand-in
for vLLM, which tells metrics recorded from the real one: every expression has to find data."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from urllib.parse import quote

import yaml

from tests.compose.dashboards import expressions
from tests.containers import clients
from tests.containers.stack import Stack

URL = "http://127.0.0.1:11434"
ASK = """
import sys, urllib.request as r
print(r.urlopen(sys.argv[1]).read().decode())
"""
FAULTY = """
import sys, urllib.error, urllib.request as r
BODY = b'{"messages":[{"role":"user","content":"hi"}],"model":"%s"}'
for model in sys.argv[2:]:
    try:
        r.urlopen(sys.argv[1] + "/api/chat", BODY % model.encode()).read()
    except urllib.error.HTTPError as error:
        print(error.code)
"""


def test_every_expression_of_dashboard_and_rules_finds_data(stack: Callable[..., Stack]) -> None:
    running = stack()
    config = running.folder / "prometheus" / "prometheus.yml"
    config.write_text(config.read_text().replace("15s", "1s"))
    running.tool("up", "cpu,monitoring")
    running.until_healthy("adapter", "llm-cpu", "prometheus", "grafana")
    _make_traffic(running)

    code, table = running.verify()
    print(table)
    assert code == 0, table
    assert "yes  Prometheus scrapes every target            adapter, llm" in table
    assert "yes  Grafana answers                            http://127.0.0.1:3001" in table

    asked = [*expressions(documents=False), *_recorded(running)]
    assert len(asked) >= 20
    missing = [expr for expr in asked if not _finds(running, expr)]
    assert missing == []
    groups = _ask(running, "rules")["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}


def _make_traffic(running: Stack) -> None:
    """Some answers, a refusal, and a request that finds no engine; long enough to be seen."""
    for _ in range(3):
        running.python(clients.STREAMED_CHAT, URL)
        running.python(FAULTY, URL, "nobody")
        time.sleep(1.1)
    engine = running.container("llm-cpu")
    running.daemon.docker("stop", "--time", "2", engine)
    assert running.python(FAULTY, URL, "tiny-chat").strip() in ("502", "503")
    running.daemon.docker("start", engine)
    running.until_healthy("llm-cpu")
    running.python(clients.RETRYING_CHAT, URL, "tiny-chat")
    time.sleep(3)


def _recorded(running: Stack) -> list[str]:
    text = (running.folder / "prometheus" / "rules" / "stack.yml").read_text()
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    names = [rule["record"] for rule in rules if "record" in rule]
    return [name for name in names if not name.startswith("rag:")]  # test_rag_stack.py


def _finds(running: Stack, expr: str) -> bool:
    found = _ask(running, f"query?query={quote(re.sub(r'[$]__rate_interval', '30s', expr))}")
    return bool(found["result"])


def _ask(running: Stack, what: str) -> dict[str, list[dict[str, object]]]:
    answer = json.loads(running.python(ASK, f"http://127.0.0.1:9090/api/v1/{what}"))
    assert answer["status"] == "success", answer
    data: dict[str, list[dict[str, object]]] = answer["data"]
    return data
