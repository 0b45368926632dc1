"""curl, as the examples of Ollama's documentation use it: no content type of JSON."""

import asyncio
import json

import pytest

from tests.support import machine

CHAT = '{"model":"tiny-chat","messages":[{"role":"user","content":"%s"}]%s}'


async def curl(*arguments: str) -> tuple[int, str]:
    """Exit code and output."""
    process = await asyncio.create_subprocess_exec(
        machine.curl(),
        *("--silent", "--show-error", "--max-time", "10", *arguments),
        stdout=asyncio.subprocess.PIPE,
        env=machine.clean_environ(),
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_chat(house):
    code, out = await curl(house.url + "/api/chat", "-d", CHAT % ("hi", ""))
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [line["message"]["content"] for line in lines] == ["Hello", " <b>", ""]
    assert lines[-1]["done"] is True


async def test_one_object(house):
    _, out = await curl(house.url + "/api/chat", "-d", CHAT % ("hi", ',"stream":false'))
    assert json.loads(out)["message"]["content"] == "Hello <b>"


async def test_generate(house):
    body = '{"model":"tiny-chat","prompt":"hi","stream":false}'
    _, out = await curl(house.url + "/api/generate", "-d", body)
    assert json.loads(out)["response"] == "Hello <b>"


async def test_embed(house):
    _, out = await curl(house.url + "/api/embed", "-d", '{"model":"tiny-embed","input":"a"}')
    assert len(json.loads(out)["embeddings"]) == 1


@pytest.mark.parametrize("path", ["/", "/api/version", "/api/tags"])
async def test_head(house, path: str):
    code, out = await curl("--head", house.url + path)
    assert code == 0
    assert out.startswith("HTTP/1.1 200 OK")


async def test_a_failure_shows_in_the_exit_code(house):
    body = '{"model":"nope","prompt":"hi"}'
    code, _ = await curl("--fail", house.url + "/api/generate", "-d", body)
    assert code == 22


async def test_a_broken_stream_ends_cleanly_with_an_error(house):
    code, out = await curl(house.url + "/api/chat", "-d", CHAT % ("DIE", ""))
    assert code == 0
    assert list(json.loads(out.splitlines()[-1])) == ["error"]


async def test_a_large_body(house, tmp_path):
    """Above 1 MiB curl waits for 100 Continue."""
    body = tmp_path / "body.json"
    body.write_text(CHAT % ("hi " * 500_000, ""))
    code, out = await curl(house.url + "/api/chat", "-d", f"@{body}")
    assert code == 0
    assert json.loads(out.splitlines()[-1])["done"] is True
