"""The real vLLM on the CPU, with a tiny model made on the spot."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support import machine

MAKE_MODELS = machine.ROOT / "vllm_image" / "launcher" / "make_models.py"
MODELS = machine.VENV / "models"
UP_WITHIN = 150.0
GONE_WITHIN = 20.0
CHAT_FLAGS = [
    *("--max-model-len", "4096", "--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
    *("--enable-prompt-tokens-details", "--enable-per-request-metrics"),
]
LORA_FLAGS = ["--enable-lora", "--max-lora-rank", "8"]
LORA_ENVIRON = {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1"}
SETTINGS = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    # Or the first request for logprobs compiles with g++, for 13 s, or dies where there is none.
    "TORCH_COMPILE_DISABLE": "1",
}


def model_folder(name: str) -> Path:
    """The folder of a tiny model; made again when the script that makes it has changed."""
    if not MAKE_MODELS.exists():
        pytest.skip(f"no {MAKE_MODELS.relative_to(machine.ROOT)} to make tiny models with")
    stamp = hashlib.sha256(MAKE_MODELS.read_bytes()).hexdigest()
    folder, made_by = MODELS / name, MODELS / f"{name}.made-by"
    if not (folder.exists() and made_by.exists() and made_by.read_text() == stamp):
        command = [machine.vllm_python(), str(MAKE_MODELS), str(MODELS), "--only", name]
        made = subprocess.run(
            command, env=machine.clean_environ(), capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stdout + made.stderr
        made_by.write_text(stamp)
    return folder


class Engine:
    """One `vllm serve` with its processes. It can be broken, and started again on its port."""

    def __init__(self, model: str, flags: list[str], log: Path, **environ: str) -> None:
        self.environ = environ
        self.model = model
        self.flags = flags
        self.log = log
        self.port = machine.free_port()
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the API server, which leads the session of all its processes."""
        assert self._server is not None
        return self._server.pid

    def start(self) -> None:
        """Starts it and waits until it answers."""
        command = [*machine.vllm(), "serve", str(model_folder(self.model))]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--enforce-eager"]
        command += ["--max-num-seqs", "32", "--served-model-name", self.model, *self.flags]
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=machine.clean_environ(**SETTINGS, **self.environ),
                start_new_session=True,
            )
        deadline = time.monotonic() + UP_WITHIN
        while not self.healthy():
            if self._server.poll() is not None or time.monotonic() > deadline:
                self.stop()
                pytest.fail(f"vLLM did not come up:\n{self.last_words()}")
            time.sleep(0.2)

    def stop(self) -> None:
        """Ends all its processes; one that can't be ended is a failure."""
        if self._server is None:
            return
        server, self._server = self._server, None
        deadline = time.monotonic() + GONE_WITHIN
        while left := machine.processes_of_session(server.pid):
            assert time.monotonic() < deadline, f"vLLM left behind {left}"
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            server.poll()  # reaps it, or it would stay as a zombie
            time.sleep(0.05)
        server.wait(timeout=GONE_WITHIN)

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill_core(self) -> None:
        """Kills the engine core, as an out-of-memory killer would; the API server notices."""
        processes = machine.processes_of_session(self.pid)
        cores = [pid for pid, name in processes.items() if name.startswith("VLLM::EngineCor")]
        assert cores, processes
        for pid in cores:
            os.kill(pid, signal.SIGKILL)

    def listening(self) -> bool:
        """False once the API server is gone; it outlives its engine core by half a second."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2):
                return True
        except OSError:
            return False

    def healthy(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def metric(self, name: str) -> float:
        """The sum of a metric of vLLM's own over its labels."""
        with urllib.request.urlopen(self.url + "/metrics", timeout=5) as answer:
            text = answer.read().decode()
        rows = re.findall(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
        assert rows, f"vLLM has no metric {name}"
        return sum(map(float, rows))

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])
