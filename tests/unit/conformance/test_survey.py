from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from adapter.conformance.choosing import Card
from adapter.conformance.survey import Survey, listed_names, survey
from adapter.conformance.wire import NoAnswer, Wire
from tests.support.rival import Answer, hangs, plain, rival, said

VERSION = {"GET /api/version": said({"version": "0.34.0"})}
TAGS = {"models": [{"name": "b:latest"}, {"name": "a:8b"}, {"name": "far:cloud"}]}


async def surveyed(routes: dict[str, Answer], given: dict[str, str] | None = None) -> Survey:
    async with rival(routes) as url, Wire(url, 0.5) as wire:
        return await survey(wire, given or {})


async def shows(request: web.Request) -> web.Response:
    name = (await request.json())["model"]
    info = {"general.architecture": "llama", "llama.context_length": 4096}
    details = {"parent_model": "b:latest" if name == "mine" else ""}
    return web.json_response(
        {"capabilities": ["completion", name], "model_info": info, "details": details}
    )


async def test_a_server_with_models():
    found = await surveyed(
        VERSION | {"GET /api/tags": said(TAGS), "POST /api/show": shows}, {"plain": "mine"}
    )
    assert found.version == "0.34.0"
    assert found.listed == {"b:latest", "a:8b", "far:cloud"}
    assert found.cards == tuple(
        Card(name, frozenset({"completion", name}), 4096, parent)
        for name, parent in (("mine", "b:latest"), ("b", ""), ("a:8b", ""))
    )


@pytest.mark.parametrize(
    "answer",
    [plain("404 page not found", 404), said([]), said({"models": None}), said({"models": [1]})],
)
async def test_a_list_that_can_not_be_read_is_empty(answer: Answer):
    found = await surveyed(VERSION | {"GET /api/tags": answer})
    assert (found.cards, found.listed) == ((), frozenset())


UNKNOWN = said({"error": "model 'nope' not found"}, 404)


@pytest.mark.parametrize(
    ("routes", "unknown"),
    [
        ({"GET /api/tags": said(TAGS), "POST /api/show": UNKNOWN}, ("nope",)),
        ({"GET /api/tags": said({"models": []}), "POST /api/show": UNKNOWN}, ("nope", "A:8B", "b")),
        ({"GET /api/tags": said(TAGS), "POST /api/show": said({})}, ()),
        ({"GET /api/tags": said(TAGS), "POST /api/show": hangs}, ()),
        ({"GET /api/tags": plain("404 page not found", 404), "POST /api/show": UNKNOWN}, ()),
    ],
)
async def test_names_that_a_server_knows_nothing_of(routes: dict[str, Answer], unknown: object):
    given = {"model": "nope", "plain": "A:8B", "embed": "b"}
    assert (await surveyed(VERSION | routes, given)).unknown == unknown


@pytest.mark.parametrize("shown", [{}, [], {"capabilities": "completion"}, {"capabilities": None}])
async def test_a_model_that_is_shown_wrongly_is_left_out(shown: Any):
    found = await surveyed(VERSION | {"GET /api/tags": said(TAGS), "POST /api/show": said(shown)})
    assert found.cards == ()
    assert len(found.listed) == 3


async def test_a_window_that_is_not_told():
    shown = {"capabilities": ["embedding"], "model_info": {"general.architecture": "bert"}}
    found = await surveyed(VERSION | {"POST /api/show": said(shown)}, {"embed": "e"})
    assert found.cards == (Card("e", frozenset({"embedding"}), 0),)


@pytest.mark.timeout(10)
async def test_one_question_that_hangs_ends_nothing():
    found = await surveyed(VERSION | {"GET /api/tags": hangs})
    assert found == Survey("0.34.0")


async def test_no_version():
    assert (await surveyed({})).version == ""


@pytest.mark.timeout(10)
async def test_a_server_that_never_answers():
    with pytest.raises(NoAnswer):
        await surveyed({"GET /api/version": hangs})


async def test_names_in_the_order_of_the_list():
    async with rival({"GET /api/tags": said(TAGS)}) as url, Wire(url, 5) as wire:
        assert list(await listed_names(wire)) == ["b:latest", "a:8b", "far:cloud"]
