from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from adapter.conformance.runner import Result, put, run
from adapter.conformance.statements import Statement, select
from adapter.conformance.target import Target
from adapter.conformance.wire import Wire
from tests.support.rival import Answer, hangs, plain, rival, said, streamed

NAMES = {"model": "m", "plain": "p", "PLAIN": "P", "embed": "e"}
LINE = b'{"model":"p","created_at":"2026-11-21T10:00:00.5Z","message":{"role":"assistant",'
TEXT = LINE + b'"content":"a"},"done":false}\n'
DONE = (
    LINE + b'"content":""},"done":true,"done_reason":"stop","total_duration":5,"load_duration":1,'
    b'"prompt_eval_count":7,"prompt_eval_duration":1,"eval_count":1,"eval_duration":1}\n'
)


def statement(number: str) -> Statement:
    return next(one for one in select("all", number) if one.id == number)


async def put_to(routes: Mapping[str, Answer], number: str, **known: Any) -> Result:
    async with rival(routes) as url, Wire(url, 0.5) as wire:
        return await put(wire, Target(url, NAMES, **known), statement(number))


async def test_a_statement_that_holds():
    result = await put_to({"POST /api/chat": streamed(TEXT, DONE)}, "CHAT-12")
    assert (result.verdict, result.faults, result.got) == ("passed", (), "")


@pytest.mark.parametrize(
    ("number", "answer", "fault"),
    [
        ("HTTP-01", plain("Ollama is running\n"), "expected the text 'Ollama is running'"),
        ("HTTP-03", said({"version": "v1"}), "body.version: expected a match"),
        ("CHAT-12", streamed(TEXT, TEXT), "expected done in chunk 1 only, got it in []"),
        ("CHAT-12", streamed(TEXT, DONE, DONE), "expected done in chunk 2 only, got it in [1, 2]"),
        ("CHAT-12", streamed(TEXT, b"\n", DONE), "a blank line"),
        ("CHAT-12", streamed(TEXT, DONE[:-1]), "no newline"),
        ("CHAT-12", streamed(b"data: " + TEXT, DONE), "no JSON"),
        ("CHAT-12", streamed(TEXT, DONE.replace(b":7,", b":7.5,")), "expected $posint, got 7.5"),
        ("CHAT-12", streamed(TEXT, DONE, content_type="text/event-stream"), "Content-Type"),
        ("CHAT-12", streamed(TEXT, DONE, cut=True), "closed before the stream was complete"),
        ("X-CHAT-01", streamed(TEXT + DONE), "2 objects came in 1 HTTP chunks"),
        ("X-CHAT-01", streamed(TEXT, DONE.replace(b'"stop"', b"null")), "null at chunk 1"),
        ("CHAT-03", said({"detail": "no"}, 404), "body.error: expected"),
        ("CHAT-03", said({"error": {"message": "model 'nope-xyz' not found"}}, 404), "body.error"),
        ("EMB-02", said({"embeddings": [[1.0]]}), "expected a list of length 3"),
        ("TAGS-03", said({"models": [{"name": "a:b"}]}), "models: expected the same"),
    ],
)
async def test_what_a_server_gets_wrong(number: str, answer: Answer, fault: str):
    asked = statement(number).request
    result = await put_to({f"{asked['method']} {asked['path']}": answer}, number)
    assert result.verdict == "failed"
    assert any(fault in one for one in result.faults), result.faults
    assert result.got[:3] in ("200", "404")


@pytest.mark.timeout(10)
async def test_a_server_that_hangs():
    result = await put_to({"POST /api/chat": hangs}, "CHAT-12")
    assert result.verdict == "failed"
    assert result.faults == ("no complete answer within 0.5 s",)
    assert result.got == ""


async def test_a_statement_that_makes_no_sense_there():
    result = await put_to({}, "CHAT-21")
    assert result.verdict == "not applicable"
    assert "--scripted" in result.reason


async def test_what_nobody_has_to_fulfil_never_fails():
    other = await put_to({"GET /metrics": plain("up 1")}, "HTTP-22")
    assert (other.verdict, other.faults) == (
        "other than Ollama",
        ("status: expected 404, got 200",),
    )
    assert (await put_to({}, "HTTP-22")).verdict == "as Ollama"


def keeping(seen: list[str], answer: Answer) -> Answer:
    async def kept(request: web.Request) -> web.StreamResponse:
        seen.append(f"{request.method} {request.path} {(await request.read()).decode()}".strip())
        return await answer(request)

    return kept


async def test_a_copy_is_made_first_and_deleted_afterwards():
    seen: list[str] = []
    result = await put_to(
        {
            "POST /api/copy": keeping(seen, plain("")),
            "POST /api/show": keeping(seen, said({"details": {}})),
            "GET /api/tags": keeping(seen, said({"models": [{"name": "conf-copy:latest"}]})),
            "DELETE /api/delete": keeping(seen, plain("")),
        },
        "MGMT-14",
    )
    assert result.verdict == "passed"
    assert seen == [
        'POST /api/copy {"source":"m","destination":"conf-copy"}',
        'POST /api/show {"model":"conf-copy"}',
        "GET /api/tags",
        'DELETE /api/delete {"model":"conf-copy"}',
    ]


async def test_nothing_is_deleted_that_is_not_there():
    seen: list[str] = []
    await put_to(
        {
            "GET /api/tags": said({"models": [{"name": "mine:latest"}]}),
            "DELETE /api/delete": keeping(seen, plain("")),
        },
        "MGMT-14",
    )
    assert seen == []


async def test_a_name_that_was_taken_is_never_touched():
    seen: list[str] = []
    routes = {f"{verb} {path}": keeping(seen, plain("")) for verb, path in PATHS}
    result = await put_to(routes, "MGMT-14", taken=frozenset({"conf-copy:latest"}))
    assert result.verdict == "not applicable"
    assert seen == []


PATHS = [("POST", "/api/copy"), ("POST", "/api/show"), ("DELETE", "/api/delete")]


async def test_a_setup_that_fails_is_told():
    result = await put_to(
        {"POST /api/generate": said({"error": "no"}, 500), "GET /api/ps": said({"models": []})},
        "PS-01",
    )
    assert result.faults[0] == 'POST /api/generate {"model": "m"} first: status 500'


async def test_unloading_all():
    seen: list[str] = []
    result = await put_to(
        {
            "GET /api/ps": said({"models": [{"name": "a:latest"}, {"name": 5}]}),
            "POST /api/generate": keeping(seen, said({})),
        },
        "PS-02",
    )
    assert seen == ['POST /api/generate {"model":"a:latest","keep_alive":0}']
    assert result.verdict == "failed"


async def test_a_run_goes_on_after_a_failure_and_tells_as_it_goes():
    heard: list[Result] = []
    async with rival({"GET /": plain("no"), "HEAD /": plain("")}) as url, Wire(url, 0.5) as wire:
        asked = [statement("HTTP-01"), statement("HTTP-02"), statement("CHAT-21")]
        results = await run(wire, Target(url, NAMES), asked, heard.append)
    assert [result.verdict for result in results] == ["failed", "passed", "not applicable"]
    assert heard == results


async def test_what_is_no_ollama_passes_next_to_nothing():
    async with rival({}) as url, Wire(url, 0.5) as wire:
        results = await run(wire, Target(url, NAMES, scripted=True), select("extended"))
    passed = {result.statement.id for result in results if result.verdict == "passed"}
    assert passed == {"HTTP-23"}  # /debug/pprof/ isn't there, as in Ollama
