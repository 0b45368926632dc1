"""Lists and descriptions of models: true as far as known, complete as clients need it."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from adapter.conformance.values import is_rfc3339
from tests.contract.conftest import model_folder
from tests.support.machine import PROMPTLY
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import serving
from tests.support.words import words

GOLDEN = {
    exchange["id"]: exchange
    for exchange in map(
        json.loads, (Path(__file__).parent / "golden.jsonl").read_text("utf-8").splitlines()
    )
}


def golden(name: str) -> dict:
    return json.loads(GOLDEN[name]["response"]["body"])


async def test_tags_has_ollamas_keys_in_ollamas_order(house):
    listed = (await house.adapter.get("/api/tags")).json
    expected = golden("TAGS-01")["models"][0]
    names = {model["name"] for model in listed["models"]}
    assert names == {"nat:latest", "natplain:latest", "gotmpl:latest", "bert:latest"}
    for model in listed["models"]:
        assert list(model) == list(expected)
        assert list(model["details"]) == list(expected["details"])


async def test_ps_has_ollamas_keys_in_ollamas_order(house):
    await house.adapter.post("/api/generate", {"model": "nat"})
    [model] = [
        model
        for model in (await house.adapter.get("/api/ps")).json["models"]
        if model["name"] == "nat:latest"
    ]
    expected = golden("PS-01")["models"][0]
    assert list(model) == list(expected)
    assert set(expected["details"]) <= set(model["details"])


async def test_show_has_ollamas_keys_in_ollamas_order(house):
    shown = (await house.adapter.post("/api/show", {"model": "nat"})).json
    expected = golden("SHOW-05")
    known = [key for key in expected if key in shown]
    assert [key for key in shown if key in expected] == known
    needed = {"modelfile", "parameters", "template", "details", "model_info", "capabilities"}
    assert needed | {"modified_at"} <= shown.keys()


async def test_every_entry_is_fit_for_the_strictest_client(house):
    """Zed, OllamaKit and the Go client lose the whole list over one bad entry."""
    for model in (await house.adapter.get("/api/tags")).json["models"]:
        assert model["name"] == model["model"]
        assert re.fullmatch(r"[0-9a-f]{64}", model["digest"])
        assert type(model["size"]) is int
        assert is_rfc3339(model["modified_at"])
        assert "." in model["modified_at"]
        details = model["details"]
        for key in ("format", "family", "parameter_size", "quantization_level"):
            assert isinstance(details[key], str)
            assert details[key]
        assert isinstance(model["capabilities"], list)


async def test_tags_and_show_agree(house):
    for model in (await house.adapter.get("/api/tags")).json["models"]:
        shown = (await house.adapter.post("/api/show", {"model": model["name"]})).json
        assert shown["capabilities"] == model["capabilities"]
        assert shown["modified_at"] == model["modified_at"]
        assert shown["details"] == model["details"]


@pytest.mark.parametrize("name", ["nat:latest", "NAT", "llama2:7b"])
async def test_copilot_is_told_the_name_that_it_asked_for(scripted, name: str):
    """It shows users the basename; others get the model's own."""
    models = {"nat": {"served_name": "tiny-chat", "aliases": ["llama2:7b"]}}
    async with serving(scripted.url, models=models) as adapter:
        for agent, told in (("GitHubCopilotChat/0.30.1", name), ("curl/8.5.0", name.lower())):
            headers = {"User-Agent": agent}
            shown = await adapter.post("/api/show", {"model": name}, headers=headers)
            basename = told if agent.startswith("GitHub") else told.partition(":")[0]
            assert shown.json["model_info"]["general.basename"] == basename


async def test_every_process_tells_the_same_date(tmp_path):
    """And so does the next one, of a model whose files are here."""
    folder = model_folder(tmp_path / "m", model_type="llama")
    scripted = ScriptedVLLM(words, root=folder)
    await scripted.up()
    listed = []
    for _ in range(2):
        async with serving(scripted.url) as adapter:
            await adapter.until_ready()
            listed.append((await adapter.get("/api/tags")).json["models"])
    await scripted.down()
    assert listed[0] == listed[1]


async def test_digests_are_stable_and_differ(house):
    once, again = [(await house.adapter.get("/api/tags")).json["models"] for _ in range(2)]
    assert once == again
    assert len({model["digest"] for model in once}) == 4


async def test_the_window_is_that_of_the_engine(house):
    shown = (await house.adapter.post("/api/show", {"model": "nat"})).json
    assert shown["model_info"]["llama.context_length"] == 8192
    assert shown["model_info"]["llama.embedding_length"] == 4096
    await house.adapter.post("/api/generate", {"model": "nat"})
    running = (await house.adapter.get("/api/ps")).json["models"]
    assert {model["name"]: model["context_length"] for model in running}["nat:latest"] == 8192


async def test_parameters_are_text_without_a_last_newline(scripted):
    """Continue matches every line of it."""
    models = {"tiny-chat": {"options": {"temperature": 0.7, "stop": ["a b", 'c"d']}}}
    async with serving(scripted.url, models=models) as adapter:
        shown = (await adapter.post("/api/show", {"model": "tiny-chat"})).json
        lines = shown["parameters"].split("\n")
        assert "temperature                    0.7" in lines
        assert 'stop                           "a b"' in lines
        assert all(re.fullmatch(r'\S+\s+(".*"|\S+)', line) for line in lines)
        await adapter.post("/api/generate", {"model": "tiny-chat", "prompt": "hi"})
    assert (scripted.bodies[0]["temperature"], scripted.bodies[0]["stop"]) == (0.7, ["a b", 'c"d'])


async def test_what_is_not_known_is_not_invented(scripted, adapter):
    """The engine's files are on another machine: no sizes, no dimensions."""
    shown = (await adapter.post("/api/show", {"model": "tiny-chat"})).json
    lengths = {k: v for k, v in shown["model_info"].items() if k.endswith("embedding_length")}
    assert lengths == {"unknown.embedding_length": 0}  # clients want a number
    assert "general.parameter_count" not in shown["model_info"]
    [listed] = (await adapter.get("/api/tags")).json["models"]
    assert listed["size"] == 0
    assert listed["capabilities"] == ["completion"]


async def test_an_engine_that_tells_no_window_has_none():
    scripted = ScriptedVLLM(words, max_model_len=None)
    await scripted.up()
    async with serving(scripted.url) as adapter:
        shown = (await adapter.post("/api/show", {"model": "tiny-chat"})).json
        assert not any(key.endswith("context_length") for key in shown["model_info"])
        reply = await adapter.post("/api/generate", {"model": "tiny-chat", "prompt": "hi"})
        assert reply.status == 200
    await scripted.down()


@pytest.mark.parametrize(
    ("task", "capabilities"), [("chat", ["completion"]), ("embed", ["embedding"])]
)
async def test_the_task_is_found_out(tmp_path, task, capabilities):
    folder = model_folder(tmp_path / "m", model_type="llama", hidden_size=8)
    scripted = ScriptedVLLM(words, task=task, root=folder)
    await scripted.up()
    async with serving(scripted.url) as adapter:
        shown = (await adapter.post("/api/show", {"model": "tiny-chat"})).json
    assert shown["capabilities"] == capabilities
    await scripted.down()
    assert {"GET /v1/chat/completions", "GET /v1/embeddings"} <= set(scripted.asked)


async def test_the_list_is_there_while_the_engine_is_not(scripted, adapter):
    assert len((await adapter.get("/api/tags")).json["models"]) == 1
    await scripted.down()
    reply = await adapter.get("/api/tags")
    assert (reply.status, len(reply.json["models"])) == (200, 1)


async def test_the_list_is_whole_right_after_the_start(scripted):
    """The engine is there: a client that asks at once must not be told of no models."""
    async with serving(scripted.url) as adapter:
        assert len((await adapter.get("/api/tags", within=PROMPTLY)).json["models"]) == 1


async def test_while_the_engine_loads_the_list_is_not_empty_but_not_there(scripted):
    """Clients that find no model in the list go and pull theirs."""
    await scripted.down()
    async with serving(scripted.url) as adapter:
        reply = await adapter.get("/api/tags", within=2)
        assert (reply.status, reply.headers["retry-after"]) == (503, "2")
        assert (await adapter.get("/api/ps", within=2)).json == {"models": []}


async def test_an_engine_is_asked_for_its_routes_once_for_each_list(scripted, adapter):
    async def unknown() -> None:
        """A name that nobody knows has the engine asked for its list."""
        seen = scripted.asked.count("GET /v1/models")
        async with asyncio.timeout(5):
            while scripted.asked.count("GET /v1/models") == seen:
                await adapter.post("/api/show", {"model": "nope"})

    await unknown()
    assert scripted.asked.count("GET /v1/chat/completions") == 1
    scripted.models = ("tiny-chat", "another")
    await unknown()
    assert (await adapter.post("/api/show", {"model": "another"})).status == 200
    assert scripted.asked.count("GET /v1/chat/completions") == 2
