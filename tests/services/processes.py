"""The services and the adapter as processes, as they are installed."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import ollama

from tests.services.house import PORTS, form
from tests.support import machine
from tests.support.raw_http import Reply, post, send
from tests.support.serve import AdapterProcess, serving_process

PATIENT = 60.0
"""Seconds for an answer of the real engine on a busy machine."""
_UP_WITHIN = 30.0
_VARIABLES = [port.upper().replace("TEI_", "TEI_EMBEDDING_") for port in PORTS]
_SAID = re.compile(r"(\w+) http://127\.0\.0\.1:(\d+)")
_SPLIT = ("embedding", "llm", "retriever", "dataprep", "chatqna")
_UPSTREAM = '[[upstreams]]\nname = "{}"\nkind = "{}"\nurl = "{}"\n'
SHORT = {"num_predict": 12, "temperature": 0}
LONG = {"num_predict": 3000, "temperature": 0}


class Listening(Protocol):
    @property
    def url(self) -> str: ...


@dataclass
class Services:
    """Processes of one installation, by role."""

    environ: dict[str, str]
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    adapter: AdapterProcess | None = None

    def url(self, role: str) -> str:
        return f"http://127.0.0.1:{self.ports[role]}"

    async def start(self, role: str, **environ: str) -> None:
        """Returns when it listens."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services", role),
            env=machine.clean_environ(**(self.environ | environ)),
            stdout=asyncio.subprocess.PIPE,
        )
        self.running[role] = process
        assert process.stdout is not None
        async with asyncio.timeout(_UP_WITHIN):
            line = (await process.stdout.readline()).decode()
        assert line.startswith("ready: "), line
        self.ports |= {name: int(port) for name, port in _SAID.findall(line)}

    async def end(self, role: str, number: signal.Signals) -> None:
        process = self.running.pop(role)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        await process.wait()

    async def upload(self, *files: tuple[str, bytes]) -> Reply:
        body, content_type = form(files, {})
        headers = {"Content-Type": content_type}
        path = "/v1/dataprep/ingest"
        return await send(self.url("dataprep"), "POST", path, body, headers, within=PATIENT)

    async def documents(self) -> list[str]:
        reply = await post(self.url("dataprep"), "/v1/dataprep/get", {})
        return [row["name"] for row in reply.json]

    async def ask(self, question: str, **body: Any) -> Reply:
        """At chatqna's own port."""
        value = {"messages": [{"role": "user", "content": question}], "max_tokens": 12, **body}
        return await post(self.url("chatqna"), "/v1/chat/completions", value, within=PATIENT)

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[ollama.AsyncClient]:
        """At the adapter."""
        assert self.adapter is not None
        client = ollama.AsyncClient(host=self.adapter.url, timeout=PATIENT)
        try:
            yield client
        finally:
            await client.close()


@contextlib.asynccontextmanager
async def installed(
    chat: Listening, embed: Listening, folder: Path, *, split: bool = False, **environ: str
) -> AsyncIterator[Services]:
    """The services in one process, or one for each role, and the adapter before all."""
    port, chatqna = machine.free_port(), machine.free_port()
    given = {
        **dict.fromkeys(_VARIABLES, "0"),
        "PYTHONPATH": str(machine.ROOT / "compose"),
        "ADAPTER_URL": f"http://127.0.0.1:{port}",
        "STORE_URL": f"sqlite:{folder}/rag.sqlite",
        "LLM_MODEL_ID": "tiny-chat",
        "EMBEDDING_MODEL_ID": "tiny-bert-embed",
        "CHATQNA_PORT": str(chatqna),
    }
    rag = Services(given | environ)
    engines = (("llm", "vllm", chat.url), ("embed", "vllm", embed.url))
    rows = (*engines, ("rag", "openai", f"http://127.0.0.1:{chatqna}"))
    file = folder / "adapter.toml"
    file.write_text("\n".join(_UPSTREAM.format(*row) for row in rows))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(ended, rag)
        for role in _SPLIT if split else ("all",):
            await rag.start(role, **addresses(rag, role))
        rag.adapter = await stack.enter_async_context(serving_process(port, "--config", str(file)))
        await rag.adapter.until_ready(_UP_WITHIN)
        yield rag


def addresses(rag: Services, role: str) -> dict[str, str]:
    """Where a role finds the others, if they are processes of their own."""
    others = {"EMBEDDING_URL": "embedding", "LLM_URL": "llm"}
    if role == "chatqna":
        others["RETRIEVER_URL"] = "retriever"
    if role in ("embedding", "llm", "all"):
        return {}
    return {variable: rag.url(other) for variable, other in others.items()}


async def ended(rag: Services) -> None:
    for role in list(rag.running):
        await rag.end(role, signal.SIGKILL)
