"""Starts the engine and the adapter, says when they are ready, and stays until one of them ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from launcher import plan, ports, web
from launcher.errors import (
    CannotRun,
    LauncherError,
    TryAgain,
    engine_ended,
    explain,
    shell_code,
    telling_lines,
)
from launcher.hardware import Machine
from launcher.names import DEMO
from launcher.processes import Process, Processes
from launcher.progress import Progress
from launcher.settings import Settings

EVERY = 0.3
LOADING_MAY_TAKE = 1800
ADAPTER_MAY_TAKE = 60
ANSWER_WITHIN = 2


class Serving:
    def __init__(
        self,
        settings: Settings,
        env: Mapping[str, str],
        processes: Processes,
        progress: Progress,
    ) -> None:
        self._settings = settings
        self._env = env
        self._processes = processes
        self._progress = progress
        self._engine_log = settings.venv / "vllm.log"
        self._adapter_log = settings.venv / "adapter.log"

    def all_of_it(self, engine: plan.Engine, model: plan.Model, machine: Machine) -> int:
        length = self._settings.context_length
        port = ports.free_port()
        arguments = plan.arguments(engine, model, machine, port, length)
        env = {**plan.environment(engine, model, machine, length), **self._env}
        env["HF_HUB_OFFLINE"] = "1"
        env.pop("VLLM_API_KEY", None)  # it would lock the adapter out of our own engine
        process = self._processes.start([*engine.command, *arguments], env, self._engine_log)
        upstream = f"http://127.0.0.1:{port}"

        def loaded() -> bool:
            self._engine_alive(process, loading=True)
            health = web.get(f"{upstream}/health", ANSWER_WITHIN)
            return bool(health and health.status == 200 and self._served(upstream))

        self._until(f"loading {model.name}", loaded, LOADING_MAY_TAKE, self._engine_log)
        adapter = self._start_adapter(upstream)
        self._say_ready(model.name, plan.generates(model))
        while True:
            self._engine_alive(process, loading=False)
            self._adapter_alive(adapter)
            time.sleep(EVERY)

    def adapter_only(self) -> int:
        """In front of an engine that somebody else runs."""
        upstream, key = self._settings.vllm_url, self._settings.vllm_api_key
        found = web.Models([])

        def answers() -> bool:
            nonlocal found
            found = web.models(upstream, ANSWER_WITHIN, key)
            if found.status in (401, 403):
                fault = "refuses the key in" if key else "wants a key:"
                raise CannotRun(f"{upstream} {fault} VLLM_API_KEY (status {found.status})")
            return bool(found.names)

        text = f"waiting for {upstream}"
        self._until(text, answers, LOADING_MAY_TAKE, None, lambda: found.lacking)
        adapter = self._start_adapter(upstream)
        self._say_ready(found.names[0], True)
        while True:
            self._adapter_alive(adapter)
            time.sleep(EVERY)

    def _start_adapter(self, upstream: str) -> Process:
        address = self._settings.address
        command = [str(self._settings.venv / "bin" / "ollama-vllm"), "serve"]
        command += ["--host", address.host, "--port", str(address.port), "--upstream", upstream]
        process = self._processes.start(command, self._env, self._adapter_log)

        def ready() -> bool:
            self._adapter_alive(process)
            answer = web.get(f"{address.url}/ready", ANSWER_WITHIN)
            return bool(answer and answer.status == 200)

        self._until("starting the adapter", ready, ADAPTER_MAY_TAKE, self._adapter_log)
        return process

    def _until(
        self,
        text: str,
        done: Callable[[], bool],
        seconds: float,
        log: Path | None,
        lacking: Callable[[], str] = str,
    ) -> None:
        deadline = time.monotonic() + seconds
        with self._progress.step(text) as tick:
            while not done():
                if time.monotonic() > deadline:
                    details = telling_lines(_read(log)) if log else []
                    why = f": {lacking()}" if lacking() else ""
                    raise TryAgain(f"{text} took longer than {seconds:.0f} s{why}", details)
                tick(lacking())
                time.sleep(EVERY)

    def _served(self, upstream: str) -> bool:
        return bool(web.served_models(upstream, ANSWER_WITHIN))

    def _engine_alive(self, process: Process, *, loading: bool) -> None:
        code = process.poll()
        if code is not None:
            raise engine_ended(code, _read(self._engine_log), loading=loading)

    def _adapter_alive(self, process: Process) -> None:
        code = process.poll()
        if code is not None:
            raise AdapterEnded(code, telling_lines(_read(self._adapter_log)))

    def _say_ready(self, name: str, generates: bool) -> None:
        url = self._settings.address.url
        path, body = example(name, generates)
        try:
            print(f"ready: {url} model {name}")
            print(f"curl {url}{path} -d '{json.dumps(body, separators=(',', ':'))}'", flush=True)
        except OSError as error:
            raise CannotRun(f"nobody reads standard output: {error}") from error


def example(name: str, generates: bool) -> tuple[str, dict[str, object]]:
    """A request to try the model with."""
    if generates:
        turns = [{"role": "user", "content": "hello"}]
        # Random weights know no end.
        limit = {"options": {"num_predict": 64}} if name == DEMO else {}
        return "/api/chat", {"model": name, "messages": turns, **limit}
    return "/api/embed", {"model": name, "input": "hello"}


class AdapterEnded(LauncherError):
    """Its own exit code is handed on; one that says success would hide that it ended."""

    def __init__(self, code: int, details: list[str]) -> None:
        super().__init__(f"the adapter ended, {explain(code)}", details)
        self.code = shell_code(code) or 1


def _read(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
