"""Times a target from the start of its process to its first answers, and looks at its memory."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack

from tests.load import processes
from tests.load.answers import Answer
from tests.load.dialects import DIALECTS
from tests.load.figures import Measurement, Start
from tests.load.phases import Phase
from tests.load.script import MODEL, Order
from tests.load.stage import Stage
from tests.load.target import Target

_PATIENCE = 30.0
_STEP = 0.002
_SETTLING = 1.0
"""Seconds after which what a start needs for a moment ought to have been given back."""


def measure_start(stage: Stage, target: Target, phase: Phase) -> Measurement:
    """Starts it once.

    `up` is the first answer of status 200 to GET /api/version, or any answer of a target that is
    no Ollama; `answered` the first whole chat with the right text.
    """
    place = stage.place(target)
    with ExitStack() as stack:
        log = stack.enter_context((place.folder / "log").open("wb"))
        command = target.command(place)
        begin = time.perf_counter()
        process = stack.enter_context(processes.running(command, log))
        up = _until(begin, process, lambda: _is_up(place.port, target))
        memory_up, _ = processes.memory(process.pid)
        order = Order(1, phase.tokens, phase.pace)
        answered = up and _until(begin, process, lambda: _has_answered(place.port, target, order))
        time.sleep(_SETTLING)
        memory, own = processes.memory(process.pid)
        cpu = processes.cpu_seconds(process.pid)
    start = None
    if up and answered:
        start = Start(up, answered, float(memory_up), float(memory), float(own))
    return Measurement(
        target=target.name,
        phase=phase.name,
        answers=1 if start else 0,
        tokens=phase.tokens if start else 0,
        seconds=answered or _PATIENCE,
        cpu=cpu,
        others=0.0,
        first_token_p50=None,
        first_token_p99=None,
        memory_before=0,
        memory_most=memory,
        failed={} if start else {"no answer": 1},
        start=start,
    )


def _until(
    begin: float, process: subprocess.Popen[bytes], reached: Callable[[], bool]
) -> float | None:
    """Seconds since `begin` when it is; None if that takes too long or the process has ended."""
    while time.perf_counter() - begin < _PATIENCE and process.poll() is None:
        if reached():
            return time.perf_counter() - begin
        time.sleep(_STEP)
    return None


def _is_up(port: int, target: Target) -> bool:
    status, _ = _asked(port, b"GET /api/version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    return status == 200 if target.dialect == "ollama" else status > 0


def _has_answered(port: int, target: Target, order: Order) -> bool:
    dialect = DIALECTS[target.dialect]
    answer = Answer(dialect, order, stream=False)
    _, raw = _asked(port, dialect.request(order, False, model=target.prefix + MODEL))
    answer.feed(raw)
    return not answer.fault()


def _asked(port: int, request: bytes) -> tuple[int, bytes]:
    """Status and all bytes of one answer; 0 and none if there is none."""
    request = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(request)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
    except OSError:
        return 0, b""
    raw = b"".join(parts)
    status = raw.split(b" ", 2)[1:2]
    return (int(status[0]), raw) if status and status[0].isdigit() else (0, raw)
