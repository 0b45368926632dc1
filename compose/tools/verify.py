#!/usr/bin/env python3
"""The checks of a healthy stack, as a table. Standard library only; Python 3.11 or newer.

    python3 compose/tools/verify.py [--url URL] [--project NAME]

Asks what clients ask, and the Docker daemon for what only it knows. Which checks there are is told
by the containers that the project has. Exit code 0: all is well; 1: something is not; 78: no
stack is here to look at.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

YES, NO, UNSEEN = "yes", "NO", "-"
ONE_SHOTS = ("fetch-cpu", "fetch-gpu", "fetch-hpu", "vision-preload", "phase1-preload")
ENGINES = ("llm-cpu", "llm-gpu", "llm-hpu")
ROLES = ("chatqna", "dataprep", "embedding", "retriever", "reranker", "llm")
DOCUMENTS = ("rag", *(f"rag-{role}" for role in ROLES), "rag-db")
MAY_FETCH = ("rag", "rag-dataprep")
"""To whom RAG_NETWORK gives a way out: they fetch links."""
PIPELINE = "chatqna:latest"
SCRATCH = b"# The verification\n\nThe word of the day is heliotrope.\n"
QUESTION = "What is the word of the day of the verification?"
LOCAL = ("127.0.0.1", "::1")
ANYWHERE = ("", "0.0.0.0", "::")
SETTINGS = Path(__file__).resolve().parent.parent / ".env"
CODES = {
    75: "may work later: see its log",
    78: "trying again can't help: its log says what to change",
    132: "SIGILL: the CPU lacks an instruction that the image needs",
    137: "SIGKILL: mostly for memory; raise its limit in .env",
    139: "SIGSEGV: a crash",
}
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
CHAT_PATIENCE = 300
READY_PATIENCE = 5
SCRAPED_PATIENCE = 20


@dataclass
class Row:
    check: str
    verdict: str
    finding: str


@dataclass
class Container:
    service: str
    about: dict[str, Any]

    @property
    def running(self) -> bool:
        return bool(self.about["State"]["Running"])

    @property
    def health(self) -> str:
        return str(self.about["State"].get("Health", {}).get("Status", "none"))

    def published(self) -> list[tuple[str, str]]:
        """(address, port) on the host."""
        ports = self.about["NetworkSettings"]["Ports"] or {}
        return [(row["HostIp"], row["HostPort"]) for rows in ports.values() for row in rows or ()]

    def address(self, inside: int, path: str = "") -> str:
        rows = (self.about["NetworkSettings"]["Ports"] or {}).get(f"{inside}/tcp") or []
        host = rows[0]["HostIp"] if rows else ""
        host = "127.0.0.1" if host in ANYWHERE else host
        return f"http://{host}:{rows[0]['HostPort']}{path}" if rows else ""


@dataclass
class Stack:
    url: str
    project: str
    containers: dict[str, Container] = field(default_factory=dict)
    docker: str = ""
    """Why the daemon could not be asked; empty when it could."""
    models: dict[str, list[str]] = field(default_factory=dict)
    """Name → capabilities, as the adapter tells them."""

    def has(self, *services: str) -> bool:
        return any(name in self.containers for name in services)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Checks a running stack.")
    parser.add_argument("--url", help="the adapter; default: the port that it publishes")
    parser.add_argument("--project", default=environ("COMPOSE_PROJECT_NAME", "ollama-vllm"))
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    chosen = parser.parse_args(arguments)
    stack = look(chosen.url, chosen.project)
    if not stack.url:
        print(f"no stack named {stack.project} runs here; `make up PROFILE=cpu` starts one")
        return 78
    rows = []
    for row in checks(stack):
        rows.append(row)
        line = f"{row.verdict:4} {row.check:42} {row.finding}".rstrip()
        print(json.dumps(vars(row)) if chosen.json else line, flush=True)
    failed = sum(row.verdict == NO for row in rows)
    unseen = sum(row.verdict == UNSEEN for row in rows)
    if not chosen.json:
        passed = len(rows) - failed - unseen
        print(f"{passed} yes, {failed} no" + (f", {unseen} not seen" if unseen else ""))
    return 1 if failed else 0


def look(url: str | None, project: str) -> Stack:
    stack = Stack(url or "", project)
    try:
        stack.containers = containers(project)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        stack.docker = str(getattr(error, "stderr", "") or error).strip().split("\n")[-1]
    for name in ("adapter", "phase1"):
        if not stack.url and name in stack.containers:
            stack.url = stack.containers[name].address(11434)
    return stack


def containers(project: str) -> dict[str, Container]:
    label = f"label=com.docker.compose.project={project}"
    identities = docker("ps", "--all", "--quiet", "--filter", label).split()
    if not identities:
        return {}
    found = json.loads(docker("inspect", *identities))
    names = [one["Config"]["Labels"]["com.docker.compose.service"] for one in found]
    return {name: Container(name, about) for name, about in zip(names, found, strict=True)}


def docker(*arguments: str) -> str:
    command = ["docker", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def checks(stack: Stack) -> Iterator[Row]:
    phase1 = stack.has("phase1") and not stack.has("adapter")
    table = PHASE1 if phase1 else PHASE2
    for name, check, wanted in table:
        if wanted(stack):
            yield verdict(name, check, stack)
    if stack.docker:
        yield Row("the Docker daemon answers", UNSEEN, f"not asked: {stack.docker}")


class Failed(Exception):
    """The check did not pass, and why."""


FAULTS = (
    *(Failed, OSError, http.client.HTTPException, subprocess.SubprocessError),
    *(ValueError, LookupError, TypeError),
)
"""What a check may end with that is told in its row."""


def verdict(name: str, check: Callable[[Stack], str], stack: Stack) -> Row:
    try:
        return Row(name, YES, check(stack))
    except Unseen as reason:
        return Row(name, UNSEEN, str(reason))
    except urllib.error.HTTPError as error:
        said = error.read(300).decode(errors="replace").strip()
        return Row(name, NO, f"HTTP {error.code}: {said}")
    except FAULTS as error:
        return Row(name, NO, str(getattr(error, "reason", "") or error) or type(error).__name__)


class Unseen(Exception):
    """There is nothing here to check."""


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


def effective(stack: Stack) -> str:
    """Where clients on this machine would go."""
    asked = environ("OLLAMA_HOST", "")
    goes_to = f"OLLAMA_HOST is {asked or 'not set: 127.0.0.1:11434'}"
    if not comes_here(stack, asked):
        if asked:
            raise Failed(f"{goes_to}, this is {stack.url}")
        raise Unseen(f"{goes_to}, this is {stack.url}")
    version = ask(f"{stack.url}/api/version")["version"]
    return f"{stack.url} says Ollama {version}; {goes_to}"


def comes_here(stack: Stack, asked: str) -> bool:
    """Whether host and port are those of the stack; a host may have several addresses."""
    here = urlsplit(stack.url)
    host, port = place(asked)
    if port != (here.port or default_port(here)):
        return False
    wanted = addresses(host)
    if wanted & addresses(here.hostname or ""):
        return True
    open_ = {address for one in stack.containers.values() for address, _ in one.published()}
    return bool(open_ & {*ANYWHERE}) and any(map(of_this_machine, wanted))


def place(asked: str) -> tuple[str, int]:
    """Host and port, as Ollama's clients read OLLAMA_HOST. Raises Failed."""
    try:
        parts = urlsplit(asked.strip() if "://" in asked else f"//{asked.strip()}")
        return parts.hostname or "", parts.port or default_port(parts)
    except ValueError as error:
        raise Failed(f"OLLAMA_HOST is {asked}: {error}") from error


def default_port(parts: SplitResult) -> int:
    return {"http": 80, "https": 443}.get(parts.scheme, 11434)


def addresses(host: str) -> set[str]:
    if host in ANYWHERE:  # a client that is told a server's setting comes to its own machine
        return {"127.0.0.1"}
    try:
        return {str(row[4][0]) for row in socket.getaddrinfo(host, None)}
    except OSError:
        return set()


def of_this_machine(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
    return True


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


def documents_healthy(stack: Stack) -> str:
    """Those that are published; whether the others are healthy, Docker tells."""
    urls = [at_documents(stack, port, "") for port in (8888, 6007)]
    for url in urls:
        with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:
            answer.read()
    return ", ".join(urls)


def pipeline_listed(stack: Stack) -> str:
    names = [row["name"] for row in ask(f"{stack.url}/api/tags")["models"]]
    if PIPELINE not in names:
        raise Failed(f"not among the adapter's models: {', '.join(names) or 'there is none'}")
    loaded = [row["name"] for row in ask(f"{stack.url}/api/ps")["models"]]
    if PIPELINE not in loaded:
        raise Failed("in /api/tags, but not in /api/ps")
    shown = ask(f"{stack.url}/api/show", {"model": PIPELINE})
    return f"{PIPELINE}: {', '.join(shown['capabilities'])}"


def documents_answer(stack: Stack) -> str:
    """A document into an index of its own, a question to it, and the index away again."""
    index = f"verify-{secrets.token_hex(6)}"
    dataprep = at_documents(stack, 6007, "/v1/dataprep")
    try:
        taken = upload(f"{dataprep}/ingest", "verify.md", SCRATCH, {"index_name": index})
        body = {"messages": [{"role": "user", "content": QUESTION}], "index_name": index}
        url = at_documents(stack, 8888, "/v1/chat/completions")
        answer = ask(url, body | {"max_tokens": 64}, CHAT_PATIENCE)
        found = [row["file"] for row in answer["sources"]]
    finally:
        ask(f"{dataprep}/delete", {"file_path": "all", "index_name": index})
    if found != ["verify.md"]:
        raise Failed(f"the document was taken in, but is no source of the answer: {found}")
    if index in ask(f"{dataprep}/indices", {}):
        raise Failed(f"the index {index} was deleted, but is there")
    return f"{taken['files'][0]['passages']} passage taken in, found, shown to the model, deleted"


def documents_shut(stack: Stack) -> str:
    """Whoever has the documents has no way out, but for whom RAG_NETWORK gives one."""
    opened: list[str] = []
    allowed: list[str] = []
    for name in DOCUMENTS:
        if name not in stack.containers:
            continue
        networks = list(stack.containers[name].about["NetworkSettings"]["Networks"])
        for network in json.loads(docker("network", "inspect", *networks)):
            translated = (network["Options"] or {}).get(MASQUERADE) != "false"
            if not network["Internal"] and translated:
                asked = name in MAY_FETCH and setting("RAG_NETWORK") not in ("", "door")
                (allowed if asked else opened).append(f"{name} by {network['Name']}")
    if opened:
        raise Failed(f"a way out: {', '.join(opened)}")
    asked_for = f", as RAG_NETWORK={setting('RAG_NETWORK')} asks"
    return f"a way out: {', '.join(allowed)}{asked_for}" if allowed else "none has"


def at_documents(stack: Stack, port: int, path: str) -> str:
    """Where a port of the services is published."""
    for name in ("rag", "rag-chatqna", "rag-dataprep"):
        if name in stack.containers and (url := stack.containers[name].address(port, path)):
            return url
    raise Failed(f"none of them publishes its port {port}")


def states(stack: Stack) -> str:
    wrong = []
    for name, container in sorted(stack.containers.items()):
        code = container.about["State"]["ExitCode"]
        if name in ONE_SHOTS:
            if container.running or code:
                wrong.append(f"{name} {'is at work' if container.running else meaning(code)}")
        elif not container.running:
            wrong.append(f"{name} {meaning(code)}")
        elif container.health != "healthy":
            wrong.append(f"{name} is {container.health}")
    if wrong:
        raise Failed("; ".join(wrong))
    return f"{len(stack.containers)} containers"


def steady(stack: Stack) -> str:
    counts = {name: one.about["RestartCount"] for name, one in stack.containers.items()}
    if restarted := [f"{name} {count} times" for name, count in counts.items() if count]:
        raise Failed(f"restarted: {', '.join(restarted)}")
    return ""


def bound(stack: Stack) -> str:
    wanted = setting("BIND")
    rows = [
        (name, address, port)
        for name, container in sorted(stack.containers.items())
        for address, port in container.published()
    ]
    open_ = [row for row in rows if row[1] not in LOCAL]
    listed = ", ".join(f"{name} on {address}:{port}" for name, address, port in open_)
    if any(address != wanted for _, address, _ in open_):
        raise Failed(f"open to the network: {listed}")
    if open_:
        return f"open to the network, as BIND={wanted} asks: {listed}; is a proxy before it?"
    return f"ports {', '.join(sorted(port for *_, port in rows))}"


def shut(stack: Stack) -> str:
    """Engines publish nothing, and every network of theirs is internal."""
    for name in ENGINES:
        if name not in stack.containers:
            continue
        about = stack.containers[name]
        if found := about.published():
            raise Failed(f"{name} publishes {found}")
        networks = list(about.about["NetworkSettings"]["Networks"])
        for network in json.loads(docker("network", "inspect", *networks)):
            if not network["Internal"]:
                raise Failed(f"{name} is on {network['Name']}, which is not internal")
    return "nothing published, internal network only"


def hardened(stack: Stack) -> str:
    for name, container in stack.containers.items():
        host, user = container.about["HostConfig"], container.about["Config"]["User"]
        flaws = {
            "runs as root": user.partition(":")[0] in ("", "0", "root"),
            "can write its root": not host["ReadonlyRootfs"],
            "keeps capabilities": "ALL" not in (host["CapDrop"] or ()),
            "may gain privileges": not any(
                "no-new-privileges" in option for option in host["SecurityOpt"] or ()
            ),
            "has no memory limit": not host["Memory"],
        }
        if found := [flaw for flaw, there in flaws.items() if there]:
            raise Failed(f"{name} {' and '.join(found)}")
    return "users, root file systems, capabilities, limits"


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


def metrics(stack: Stack) -> str:
    with urllib.request.urlopen(f"{stack.url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    if "adapter_requests_total" not in text:
        raise Failed("no adapter_requests_total")
    return f"{sum(not line.startswith('#') for line in text.splitlines())} series"


def dashboards(stack: Stack) -> str:
    ask(stack.containers["grafana"].address(3000, "/api/health"))
    return stack.containers["grafana"].address(3000)


def plain(stack: Stack) -> str:
    with urllib.request.urlopen(stack.url, timeout=10) as answer:
        said = answer.read(100).decode()
    if said != "Ollama is running":
        raise Failed(f"{stack.url} says {said!r}")
    return stack.url


def always(_: Stack) -> bool:
    return True


def seen(stack: Stack) -> bool:
    return not stack.docker and bool(stack.containers)


def with_(*services: str) -> Callable[[Stack], bool]:
    return lambda stack: stack.has(*services)


def able_to(capability: str) -> Callable[[Stack], bool]:
    return lambda stack: any(capability in abilities for abilities in stack.models.values())


Table = list[tuple[str, Callable[[Stack], str], Callable[[Stack], bool]]]
AROUND: Table = [
    ("every container is healthy, or done", states, seen),
    ("nothing was restarted", steady, seen),
    ("ports are bound where they should be", bound, seen),
    ("engines can't be reached from outside", shut, with_(*ENGINES)),
    ("documents have no way out", documents_shut, with_(*DOCUMENTS)),
    ("containers are hardened", hardened, seen),
]
PHASE2: Table = [
    ("the adapter is healthy", healthy, always),
    ("every upstream answers", ready, always),
    ("clients here come to the adapter", effective, always),
    ("models are listed", tags, always),
    ("OpenAI's API lists them too", openai, always),
    ("a chat streams", chat, always),
    ("an embedding is made", embedding, able_to("embedding")),
    ("the vision Ollama has its models", vision_models, with_("vision")),
    ("a model that sees is listed", seeing, with_("vision")),
    ("the services are healthy", documents_healthy, with_(*DOCUMENTS)),
    (f"{PIPELINE} is a model", pipeline_listed, with_(*DOCUMENTS)),
    ("a document is found and shown to a model", documents_answer, with_(*DOCUMENTS)),
    ("the adapter tells its metrics", metrics, always),
    ("Prometheus scrapes every target", scraped, with_("prometheus")),
    ("Grafana answers", dashboards, with_("grafana")),
    *AROUND,
]
PHASE1: Table = [
    ("Ollama answers in the adapter's place", plain, always),
    ("clients here come to it", effective, always),
    ("models are listed", tags, always),
    ("a chat streams", chat, always),
    *AROUND,
]


def able(stack: Stack, capability: str) -> str:
    """The first model that can; the pipeline has checks of its own."""
    for name, abilities in stack.models.items():
        if capability in abilities and name != PIPELINE:
            return name
    raise Failed(f"no model listed has the capability {capability}")


def environ(name: str, default: str) -> str:
    return os.environ.get(name, default)  # noqa: TID251  # a program of its own


def setting(name: str) -> str:
    """As compose finds it: in the environment, else in .env."""
    try:
        told = re.findall(rf"^{name}=(.*)$", SETTINGS.read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        told = []
    return environ(name, told[-1].strip() if told else "")


def meaning(code: int) -> str:
    return f"ended with {code}" + (f" ({CODES[code]})" if code in CODES else "")


def ask(url: str, body: Any = None, patience: float = 30) -> Any:
    with urllib.request.urlopen(request(url, body), timeout=patience) as answer:
        return json.loads(answer.read())


def upload(url: str, name: str, data: bytes, fields: dict[str, str]) -> Any:
    """The answer to a form with one file."""
    mark = secrets.token_hex(8)
    disposition = f"--{mark}\r\nContent-Disposition: form-data; name"
    parts = [f'{disposition}="{key}"\r\n\r\n{value}\r\n'.encode() for key, value in fields.items()]
    file = f'{disposition}="files"; filename="{name}"\r\n\r\n'.encode()
    body = b"".join([*parts, file, data, f"\r\n--{mark}--\r\n".encode()])
    headers = {"Content-Type": f"multipart/form-data; boundary={mark}"}
    with urllib.request.urlopen(
        urllib.request.Request(url, body, headers), timeout=CHAT_PATIENCE
    ) as answer:
        return json.loads(answer.read())


def stream(url: str, body: Any) -> Iterator[dict[str, Any]]:
    with urllib.request.urlopen(request(url, body), timeout=CHAT_PATIENCE) as answer:
        for line in answer:
            yield json.loads(line)


def request(url: str, body: Any) -> urllib.request.Request:
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.Request(url, data, {"Content-Type": "application/json"})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
