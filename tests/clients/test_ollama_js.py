"""The official client for JavaScript, unmodified, under Node."""

import asyncio
import contextlib
import json
from pathlib import Path

import pytest

from tests.support import machine
from tests.support.machine import PROMPTLY

pytestmark = pytest.mark.node


async def run_session(script: tuple[str, Path], *arguments: str) -> dict:
    process = await asyncio.create_subprocess_exec(
        script[0],
        str(script[1]),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=machine.clean_environ(),
    )
    try:
        async with asyncio.timeout(30):
            out, errors = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    assert process.returncode == 0, errors.decode()
    return {row["step"]: row["value"] for row in map(json.loads, out.splitlines())}


async def test_a_session(session_script, house):
    got = await run_session(session_script, house.url, "tiny-chat", "tiny-embed")

    assert got["version"]["version"]
    assert {m["name"] for m in got["list"]["models"]} == {"tiny-chat:latest", "tiny-embed:latest"}
    assert got["show"]["capabilities"] == ["completion"]
    assert "tiny-chat:latest" in {model["name"] for model in got["ps"]["models"]}

    assert got["chat"]["message"] == {"role": "assistant", "content": "Hello <b>"}
    assert (got["chat"]["prompt_eval_count"], got["chat"]["eval_count"]) == (7, 3)
    streamed = [part["message"]["content"] for part in got["chat_stream"]]
    assert streamed == ["Hello", " <b>", ""]
    assert got["chat_stream"][-1]["done_reason"] == "stop"
    assert got["generate"]["response"] == "Hello <b>"
    assert [part["response"] for part in got["generate_stream"]] == ["Hello", " <b>", ""]
    assert got["load"]["done_reason"] == "load"

    for step in ("unknown", "unknown_stream"):
        assert got[step]["message"] == "model 'nope' not found"
        assert got[step]["status_code"] == 404
    assert got["broken"]["message"].startswith("an error was encountered")
    assert got["aborted"]["name"] == "AbortError"
    await house.chat.until(lambda: house.chat.in_flight == 0, within=PROMPTLY)

    assert [len(vector) for vector in got["embed"]["embeddings"]] == [4, 4]
    assert got["embeddings"]["embedding"] == pytest.approx([3, 4, 0, 0])
    first = house.chat.bodies[0]
    assert (first["temperature"], first["max_tokens"]) == (0, 5)
