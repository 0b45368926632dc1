"""What the adapter and what stands beside it answer."""

from __future__ import annotations

import time
import urllib.error
import urllib.request

from verification.asking import ask, stream
from verification.stack import Stack
from verification.verdicts import Failed

READY_PATIENCE = 5
SCRAPED_PATIENCE = 20
PIPELINE = "chatqna:latest"


def healthy(stack: Stack) -> str:
    ask(f"{stack.url}/health")
    return stack.url


def ready(stack: Stack) -> str:
    """The adapter looks at its upstreams every few seconds: one that came up now may be late."""
    deadline = time.monotonic() + READY_PATIENCE
    while True:
        try:
            up = ask(f"{stack.url}/ready")["upstreams"]
            fault = ", ".join(name for name, answers in up.items() if not answers)
        except urllib.error.HTTPError as error:
            fault, up = f"any of them (HTTP {error.code})", {}
        if not fault:
            return f"upstreams: {', '.join(up)}"
        if time.monotonic() > deadline:
            raise Failed(f"no answer from {fault}")
        time.sleep(0.5)


def tags(stack: Stack) -> str:
    names = [row["name"] for row in ask(f"{stack.url}/api/tags")["models"]]
    if not names:
        raise Failed("no models")
    for name in names:
        shown = ask(f"{stack.url}/api/show", {"model": name})
        stack.models[name] = shown.get("capabilities", [])
    return ", ".join(names)


def openai(stack: Stack) -> str:
    names = [row["id"] for row in ask(f"{stack.url}/v1/models")["data"]]
    if not names:
        raise Failed("no models")
    return f"{len(names)} models"


def chat(stack: Stack) -> str:
    model = able(stack, "completion")
    body = {"model": model, "messages": [{"role": "user", "content": "Say hello."}]}
    lines = list(stream(f"{stack.url}/api/chat", body | {"options": {"num_predict": 16}}))
    if "error" in lines[-1] or not lines[-1].get("done"):
        raise Failed(f"{model}: {lines[-1]}")
    if len(lines) < 2:
        raise Failed(f"{model} answered in one piece, not as a stream")
    return f"{model}: {len(lines)} lines, {lines[-1].get('eval_count', '?')} tokens"


def embedding(stack: Stack) -> str:
    model = able(stack, "embedding")
    vectors = ask(f"{stack.url}/api/embed", {"model": model, "input": "hello"})["embeddings"]
    return f"{model}: {len(vectors[0])} numbers"


def seeing(stack: Stack) -> str:
    return able(stack, "vision")


def vision_models(stack: Stack) -> str:
    container = stack.containers["vision"]
    names = [row["name"] for row in ask(container.address(11434, "/api/tags"))["models"]]
    if container.health != "healthy":
        raise Failed(f"{container.health}; here: {', '.join(names) or 'none'}")
    return ", ".join(names)


def able(stack: Stack, capability: str) -> str:
    """The first model that can; the pipeline has checks of its own."""
    for name, abilities in stack.models.items():
        if capability in abilities and name != PIPELINE:
            return name
    raise Failed(f"no model listed has the capability {capability}")


def metrics(stack: Stack) -> str:
    with urllib.request.urlopen(f"{stack.url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    if "adapter_requests_total" not in text:
        raise Failed("no adapter_requests_total")
    return f"{sum(not line.startswith('#') for line in text.splitlines())} series"


def scraped(stack: Stack) -> str:
    """Prometheus looks every 15 seconds: a target that came up now may be late."""
    url = stack.containers["prometheus"].address(9090, "/api/v1/targets")
    deadline = time.monotonic() + SCRAPED_PATIENCE
    while True:
        rows = ask(url)["data"]["activeTargets"]
        down = [
            f"{row['scrapePool']} ({row['lastError']})" for row in rows if row["health"] != "up"
        ]
        if rows and not down:
            return ", ".join(sorted({row["scrapePool"] for row in rows}))
        if time.monotonic() > deadline:
            raise Failed(f"not scraped: {', '.join(down) or 'no targets'}")
        time.sleep(1)


def dashboards(stack: Stack) -> str:
    ask(stack.containers["grafana"].address(3000, "/api/health"))
    return stack.containers["grafana"].address(3000)


def plain(stack: Stack) -> str:
    with urllib.request.urlopen(stack.url, timeout=10) as answer:
        said = answer.read(100).decode()
    if said != "Ollama is running":
        raise Failed(f"{stack.url} says {said!r}")
    return stack.url
