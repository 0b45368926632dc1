"""The adapter as a process of its own, with its production event loop: signals, kills, starts."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapter.errors import EX_CONFIG
from tests.support import machine, plays
from tests.support.machine import PROMPTLY, free_port
from tests.support.raw_http import Connection
from tests.support.serve import AdapterProcess, answers, serving_process

CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
async def process(scripted):
    async with serving_process(free_port(), VLLM_URL=scripted.url) as adapter:
        await adapter.until_ready()
        yield adapter


async def asking(base: str, stream: bool) -> Connection:
    connection = await Connection.open(base)
    await connection.send("POST", "/api/chat", json.dumps(CHAT | {"stream": stream}).encode())
    return connection


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_frees_the_engine(scripted, process, stream: bool):
    scripted.play = plays.endless("chat_stream_usage", 3)
    for reset in (True, False):
        connection = await asking(process.url, stream)
        await scripted.until(lambda: scripted.in_flight == 1)
        if reset:
            connection.reset()
        else:
            await connection.close()
        await scripted.until(lambda: scripted.in_flight == 0, within=PROMPTLY)
        await connection.close()
    assert (await process.get("/health")).status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it(process, number):
    assert await process.end(number, within=30) == 0
    with pytest.raises(ConnectionRefusedError):
        await process.get("/health")


async def ended_while_it_answers(process: AdapterProcess) -> tuple[list[bytes], float]:
    """What a stream's client is told, and how long it took."""
    async with await asking(process.url, stream=True) as connection:
        await connection.head()
        lines = [await connection.chunk()]
        began = time.monotonic()
        ending = asyncio.get_running_loop().create_task(process.end(signal.SIGTERM, within=30))
        while chunk := await connection.chunk():
            lines.append(chunk)
        assert await ending == 0
    return lines, time.monotonic() - began


@pytest.mark.parametrize(("workers", "grace", "most"), [("1", "0.5", 3), ("2", "11", 30)])
async def test_how_long_is_a_setting(scripted, workers: str, grace: str, most: float):
    """Also for workers, whom their watcher must not kill before."""
    scripted.play = plays.endless("chat_stream_usage", 3)
    environ = {"ADAPTER_WORKERS": workers, "ADAPTER_GRACE": grace}
    async with serving_process(free_port(), VLLM_URL=scripted.url, **environ) as process:
        await process.until_ready()
        lines, seconds = await ended_while_it_answers(process)
    assert float(grace) <= seconds < most
    assert lines[-1] == b'{"error":"the adapter is shutting down"}\n'


async def test_a_signal_while_it_answers(scripted, process):
    """The answer may go on for a moment; then it is told why it ends."""
    scripted.play = plays.endless("chat_stream_usage", 3)
    lines, seconds = await ended_while_it_answers(process)
    assert seconds >= 3
    assert lines[-1] == b'{"error":"the adapter is shutting down"}\n'
    assert not any(b'"done":true' in line for line in lines)
    await scripted.until(lambda: scripted.in_flight == 0, within=PROMPTLY)


async def test_a_signal_while_it_collects_an_answer(scripted, process):
    scripted.play = plays.endless("chat_stream_usage", 3)
    async with await asking(process.url, stream=False) as connection:
        await scripted.until(lambda: scripted.in_flight == 1)
        assert await process.end(signal.SIGTERM, within=30) == 0
        head = await connection.head()
        assert (head.status, head.headers["retry-after"]) == (503, "2")


async def test_an_answer_in_flight_is_finished_before_the_end(scripted, process):
    scripted.play = plays.slow("chat_stream_usage", 0.1)
    async with await asking(process.url, stream=True) as connection:
        await connection.head()
        lines = [await connection.chunk()]
        process.process.send_signal(signal.SIGTERM)
        while chunk := await connection.chunk():
            lines.append(chunk)
    assert json.loads(lines[-1])["done"] is True
    assert await process.process.wait() == 0


async def test_a_killed_adapter_frees_the_engine(scripted, process):
    scripted.play = plays.endless("chat_stream_usage", 3)
    async with await asking(process.url, stream=True) as connection:
        await connection.head()
        assert await process.end(signal.SIGKILL) == -signal.SIGKILL
        await scripted.until(lambda: (scripted.in_flight, scripted.gone) == (0, 1), within=PROMPTLY)


async def test_it_is_up_at_once_without_an_engine():
    async with serving_process(free_port(), VLLM_URL=f"http://127.0.0.1:{free_port()}") as adapter:
        reply = await adapter.post("/api/chat", CHAT, within=PROMPTLY)
        assert (reply.status, list(reply.json)) == (503, ["error"])
        assert int(reply.headers["retry-after"]) > 0


async def test_flag_beats_environment(scripted):
    port = free_port()
    address = "127.0.0.1:1"
    async with serving_process(port, "--upstream", scripted.url, OLLAMA_HOST=address) as adapter:
        assert (await adapter.post("/api/chat", CHAT)).status == 200


async def exit_of(*arguments: str, **environment: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adapter", *arguments),
        cwd=machine.ROOT,
        env=machine.clean_environ(**environment),
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(10):
        _, errors = await process.communicate()
    return process.returncode or 0, errors.decode()


async def test_a_port_in_use_is_told(scripted):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, errors = await exit_of("serve", "--port", port, "--upstream", scripted.url)
    assert code == EX_CONFIG
    assert port in errors
    assert "Traceback" not in errors


async def test_no_engine_named_is_told():
    code, errors = await exit_of("serve", "--port", "0")
    assert code == EX_CONFIG
    assert "VLLM_URL" in errors
    assert "Traceback" not in errors


def children(pid: int) -> list[int]:
    """Processes whose parent it is."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_bytes().rpartition(b")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_workers_are_replaced_and_end_with_the_process_that_watches_them(scripted):
    async with serving_process(free_port(), "--workers", "2", VLLM_URL=scripted.url) as adapter:
        await adapter.until_ready()
        before = children(adapter.process.pid)
        assert len(before) == 2
        os.kill(before[0], signal.SIGKILL)
        async with asyncio.timeout(20):
            while len(set(children(adapter.process.pid)) - {before[0]}) < 2:  # noqa: ASYNC110  # /proc
                await asyncio.sleep(0.05)
            while not await answers(adapter):  # noqa: ASYNC110  # seen over HTTP only
                await asyncio.sleep(0.05)
        assert (await adapter.post("/api/chat", CHAT)).status == 200
        workers = children(adapter.process.pid)
        await adapter.end(signal.SIGKILL)
        async with asyncio.timeout(20):
            while any(map(lives, workers)):  # noqa: ASYNC110  # seen in /proc only
                await asyncio.sleep(0.05)


def test_it_allows_itself_the_files_that_streams_take():
    """Two for each stream; what a shell allows is for five hundred."""
    program = (
        "import resource as r; from adapter.server.run import _allow_many_files;"
        "most = r.getrlimit(r.RLIMIT_NOFILE)[1]; r.setrlimit(r.RLIMIT_NOFILE, (64, most));"
        "_allow_many_files(); print(r.getrlimit(r.RLIMIT_NOFILE) == (most, most))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert ended.stdout == "True\n"
