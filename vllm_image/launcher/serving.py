"""Starts engine, services and adapter, says when they are ready, and stays until one ends."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from launcher import pipeline, plan, ports, web
from launcher.documents import Found
from launcher.errors import CannotRun, PartEnded, TryAgain, engine_ended, telling_lines
from launcher.hardware import Machine
from launcher.names import DEMO
from launcher.processes import Process, Processes
from launcher.progress import Progress
from launcher.settings import Settings
from launcher.taking_in import TakingIn

EVERY = 0.3
LOADING_MAY_TAKE = 1800
ADAPTER_MAY_TAKE = 60
SERVICES_MAY_TAKE = 60
ANSWER_WITHIN = 2


class Serving:
    def __init__(
        self,
        settings: Settings,
        env: Mapping[str, str],
        processes: Processes,
        progress: Progress,
        found: Found | None = None,
    ) -> None:
        """`found`: what is in the folder of `settings.docs`."""
        self._settings = settings
        self._found = found
        self._env = env
        self._processes = processes
        self._progress = progress
        self._engine_log = settings.venv / "vllm.log"
        self._adapter_log = settings.venv / "adapter.log"
        self._services_log = settings.venv / "services.log"
        self._services: Process | None = None

    def all_of_it(self, engine: plan.Engine, model: plan.Model, machine: Machine) -> int:
        self._start_services()
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
        adapter = self._start_adapter(upstream, demo=model.demo)
        self._take_in()
        self._say_ready(model.name, plan.generates(model))
        while True:
            self._engine_alive(process, loading=False)
            self._services_alive()
            self._adapter_alive(adapter)
            time.sleep(EVERY)

    def adapter_only(self) -> int:
        """In front of an engine that somebody else runs."""
        self._start_services()
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
        self._take_in()
        self._say_ready(found.names[0], True)
        while True:
            self._services_alive()
            self._adapter_alive(adapter)
            time.sleep(EVERY)

    def _start_services(self) -> None:
        """First of all, as they are quick, and what they don't like is told before the wait."""
        docs = self._settings.docs
        if docs is None:
            return
        pipeline.place(self._settings.venv, docs.folder).mkdir(parents=True, exist_ok=True)
        command = [str(self._settings.venv / "services" / "bin" / "python"), "-m", "services"]
        env = pipeline.environment(self._settings, docs, self._env)
        self._services = self._processes.start(command, env, self._services_log)

        def ready() -> bool:
            self._services_alive()
            answers = (web.get(f"{at.url}/health", ANSWER_WITHIN) for at in docs.addresses)
            return all(answer and answer.status == 200 for answer in answers)

        self._until("starting the services", ready, SERVICES_MAY_TAKE, self._services_log)

    def _take_in(self) -> None:
        docs = self._settings.docs
        if docs and self._found:
            note = pipeline.place(self._settings.venv, docs.folder) / "taken.json"
            taking = TakingIn(docs.dataprep, note, self._services_alive, self._progress)
            taking.take(self._found, docs.folder)

    def _start_adapter(self, upstream: str, *, demo: bool = False) -> Process:
        address = self._settings.address
        command = [str(self._settings.venv / "bin" / "ollama-vllm"), "serve"]
        command += ["--host", address.host, "--port", str(address.port)]
        command += self._engines(upstream, demo=demo)
        process = self._processes.start(command, self._env, self._adapter_log)

        def ready() -> bool:
            self._adapter_alive(process)
            answer = web.get(f"{address.url}/ready", ANSWER_WITHIN)
            return bool(answer and answer.status == 200)

        self._until("starting the adapter", ready, ADAPTER_MAY_TAKE, self._adapter_log)
        return process

    def _engines(self, upstream: str, *, demo: bool) -> list[str]:
        """Arguments that tell the adapter whom it drives."""
        docs = self._settings.docs
        if docs is None:
            return ["--upstream", upstream]
        file = self._settings.venv / "adapter.toml"
        key = bool(self._settings.vllm_api_key)
        file.write_text(pipeline.adapter_toml(upstream, docs.chatqna, key=key, demo=demo), "utf-8")
        return ["--config", str(file)]

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
            raise PartEnded("the adapter", code, _read(self._adapter_log))

    def _services_alive(self) -> None:
        code = self._services.poll() if self._services else None
        if code is not None:
            raise PartEnded("the services", code, _read(self._services_log))

    def _say_ready(self, name: str, generates: bool) -> None:
        lines = ready_lines(self._settings, name, generates)
        try:
            print("\n".join(lines), flush=True)
        except OSError as error:
            raise CannotRun(f"nobody reads standard output: {error}") from error


def ready_lines(settings: Settings, name: str, generates: bool) -> list[str]:
    """`ready: …`, and how to ask."""
    url, docs = settings.address.url, settings.docs
    if docs is None:
        path, body = example(name, generates)
        asking = f"curl {url}{path} -d '{json.dumps(body, separators=(',', ':'))}'"
        return [f"ready: {url} model {name}", asking]
    usual = settings.address.port == ports.DEFAULT_PORT
    where = "" if usual else f"OLLAMA_HOST={url.removeprefix('http://')} "
    folder = os.fsencode(docs.folder).decode(errors="replace")  # a name need not be text
    return [
        f"ready: {url} model chatqna:latest, which answers from {folder} by {name}",
        f'{where}make ask Q="..."',
        f"or on the page: {docs.chatqna.url}",
    ]


def example(name: str, generates: bool) -> tuple[str, dict[str, object]]:
    """A request to try the model with."""
    if generates:
        turns = [{"role": "user", "content": "hello"}]
        # Random weights know no end.
        limit = {"options": {"num_predict": 64}} if name == DEMO else {}
        return "/api/chat", {"model": name, "messages": turns, **limit}
    return "/api/embed", {"model": name, "input": "hello"}


def _read(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
