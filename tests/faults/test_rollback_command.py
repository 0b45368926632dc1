"""`ollama-vllm rollback` and `resume`, as processes, before an adapter of several workers."""

import asyncio
import sys
from pathlib import Path

from tests.support import machine
from tests.support.machine import free_port
from tests.support.ollama_standin import OllamaStandIn, chats
from tests.support.serve import Adapter, serving_process

CHAT = {"model": "tiny-chat", "messages": [{"role": "user", "content": "hi"}]}
FILE = """
[[upstreams]]
name = "llm"
url = "{vllm}"

[[upstreams]]
name = "phase1"
kind = "ollama"
url = "{ollama}"

[models."tiny-chat"]
upstream = "llm"
fallback = "phase1/llama3.2:3b"
"""


async def command(port: int, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adapter", *arguments),
        cwd=machine.ROOT,
        env=machine.clean_environ(OLLAMA_HOST=f"0.0.0.0:{port}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def answering(adapter: Adapter, times: int = 12) -> set[str]:
    """Who answers on connections that several workers share."""
    replies = [await adapter.post("/api/chat", CHAT) for _ in range(times)]
    assert {reply.status for reply in replies} == {200}
    return {reply.headers["x-adapter-upstream"] for reply in replies}


async def test_there_and_back(scripted, tmp_path: Path):
    port = free_port()
    async with OllamaStandIn("llama3.2:3b") as phase1:
        phase1.play("/api/chat", chats)
        file = tmp_path / "adapter.toml"
        file.write_text(FILE.format(vllm=scripted.url, ollama=phase1.url))
        arguments = ("--config", str(file), "--workers", "2")
        async with serving_process(port, *arguments) as adapter:
            await adapter.until_ready(within=15)
            assert await answering(adapter) == {"llm"}
            code, out, _ = await command(port, "rollback")
            assert code == 0
            assert out.splitlines() == [
                "llama3.2:3b\tphase1",
                "tiny-chat:latest\tphase1",
                "rolled back to phase1; `ollama-vllm resume` ends it",
            ]
            assert await answering(adapter) == {"phase1"}
            code, _, err = await command(port, "rollback", "--to", "nowhere")
            assert code == 1
            assert "there is no upstream 'nowhere'" in err
            assert await command(port, "resume") == (0, "resumed\n", "")
            assert await answering(adapter) == {"llm"}
            assert await command(port, "resume") == (0, "nothing was rolled back\n", "")
    code, out, err = await command(port, "resume")
    assert (code, out) == (1, "")
    assert err == (
        f"error: no adapter answers at http://127.0.0.1:{port}: OLLAMA_HOST says where\n"
    )
