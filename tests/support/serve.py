"""The adapter, started as production starts it: in this process, or as one of its own."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapter.server.app import make_app
from adapter.server.run import start
from adapter.settings import Settings
from tests.support import machine
from tests.support.raw_http import Reply, get, post

PATIENT = {"connect": 2.0, "first_byte": 8.0, "idle": 8.0}
IMPATIENT = {"connect": 0.5, "first_byte": 0.5, "idle": 0.5}
"""For tests of silence."""
UP_WITHIN = 20.0


@dataclass(frozen=True)
class Adapter:
    url: str

    async def get(self, path: str, **options: Any) -> Reply:
        return await get(self.url, path, **options)

    async def post(self, path: str, value: Any, **options: Any) -> Reply:
        return await post(self.url, path, value, **options)

    async def until_ready(self, within: float = 5.0) -> None:
        """Waits until every engine has been heard."""
        async with asyncio.timeout(within):
            while not await self._every_engine_is_up():  # noqa: ASYNC110  # seen over HTTP only
                await asyncio.sleep(0.01)

    async def _every_engine_is_up(self) -> bool:
        reply = await self.get("/ready")
        return reply.status == 200 and all(reply.json["upstreams"].values())

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0 if there is none."""
        total = 0.0
        for line in (await self.get("/metrics")).text.splitlines():
            match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name:
                found = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
                if labels.items() <= found.items():
                    total += float(match[3])
        return total


def settings_for(
    *upstreams: str,
    timeouts: Mapping[str, float] = PATIENT,
    models: Mapping[str, Any] | None = None,
    ollamas: Mapping[str, str] | None = None,
    routing: Mapping[str, str] | None = None,
    **server: Any,
) -> Settings:
    """`upstreams` are vLLMs, called engine0 and so on; `ollamas` (name → URL) come after them."""
    server.setdefault("state_dir", machine.fresh_state_dir())
    named = [
        {"name": f"engine{number}", "url": url, "timeouts": dict(timeouts)}
        for number, url in enumerate(upstreams)
    ]
    named += [
        {"name": name, "kind": "ollama", "url": url, "timeouts": dict(timeouts)}
        for name, url in (ollamas or {}).items()
    ]
    return Settings.model_validate(
        {
            "upstreams": named,
            "models": models or {},
            "routing": routing or {},
            "server": {"port": 0} | server,
        }
    )


@contextlib.asynccontextmanager
async def serving(*upstreams: str, **how: Any) -> AsyncIterator[Adapter]:
    settings = settings_for(*upstreams, **how)
    runner, port = await start(make_app(settings), settings)
    try:
        yield Adapter(f"http://127.0.0.1:{port}")
    finally:
        await runner.cleanup()


@dataclass(frozen=True)
class AdapterProcess(Adapter):
    process: asyncio.subprocess.Process

    async def end(self, number: signal.Signals, within: float = 10.0) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(within):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def serving_process(
    port: int, *arguments: str, **environment: str
) -> AsyncIterator[AdapterProcess]:
    """`python -m adapter serve` on a port, ready when it answers."""
    command = [sys.executable, "-m", "adapter", "serve", "--port", str(port), *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=machine.ROOT, env=machine.clean_environ(**environment)
    )
    adapter = AdapterProcess(f"http://127.0.0.1:{port}", process)
    try:
        async with asyncio.timeout(UP_WITHIN):
            while not await answers(adapter):
                assert process.returncode is None, f"the adapter exited: {process.returncode}"
                await asyncio.sleep(0.05)
        yield adapter
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def answers(adapter: Adapter) -> bool:
    try:
        return (await adapter.get("/health")).status == 200
    except OSError:
        return False
