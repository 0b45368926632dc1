"""Pull, push, create, copy, delete: what is real, and what says no. Texts of Ollama 0.33."""

import asyncio
import re

import pytest

from adapter.conformance.values import is_rfc3339
from tests.contract.managing import create, delete, names, show
from tests.support.raw_http import send
from tests.support.scripted_vllm import ScriptedVLLM
from tests.support.serve import serving
from tests.support.words import words

NOT_THERE = "pull model manifest: file does not exist"


# --- pull and push --------------------------------------------------------------------------


async def test_a_pull_of_what_is_served_ends_in_success(adapter):
    reply = await adapter.post("/api/pull", {"name": "tiny-chat"})
    digest = (await adapter.get("/api/tags")).json["models"][0]["digest"]
    assert reply.headers["content-type"] == "application/x-ndjson"
    assert reply.chunks == [
        b'{"status":"pulling manifest"}\n',
        f'{{"status":"pulling {digest[:12]}","digest":"sha256:{digest}"}}\n'.encode(),
        b'{"status":"verifying sha256 digest"}\n',
        b'{"status":"writing manifest"}\n',
        b'{"status":"success"}\n',
    ]


async def test_a_pull_tells_the_size_where_it_is_known(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 100)
    scripted = ScriptedVLLM(words, root=str(tmp_path))
    await scripted.up()
    async with serving(scripted.url) as adapter:
        line = (await adapter.post("/api/pull", {"model": "tiny-chat"})).lines[1]
    assert (line["total"], line["completed"]) == (100, 100)
    await scripted.down()


async def test_a_pull_in_one_object_is_its_last_line(adapter):
    reply = await adapter.post("/api/pull", {"model": "tiny-chat:latest", "stream": False})
    assert (reply.status, reply.text) == (200, '{"status":"success"}')


async def test_a_pull_of_what_nobody_serves(adapter):
    reply = await adapter.post("/api/pull", {"model": "nope"})
    assert reply.status == 200
    assert reply.chunks == [
        b'{"status":"pulling manifest"}\n',
        b'{"error":"pull model manifest: file does not exist"}\n',
    ]
    whole = await adapter.post("/api/pull", {"model": "nope", "stream": False})
    assert (whole.status, whole.json) == (500, {"error": NOT_THERE})


async def test_a_pull_before_the_engine_is_there(scripted):
    await scripted.down()
    async with serving(scripted.url) as adapter:
        reply = await adapter.post("/api/pull", {"model": "tiny-chat"}, within=3)
        assert (reply.status, reply.headers["retry-after"]) == (503, "2")


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/api/pull", b"", 400, "missing request body"),
        ("/api/pull", b"{}", 400, "invalid model name"),
        ("/api/pull", b'{"model":"bad name!"}', 400, "invalid model name"),
        ("/api/push", b"{}", 400, "model is required"),
        ("/api/create", b"", 400, "missing request body"),
        ("/api/create", b"{}", 400, "invalid model name"),
        ("/api/create", b'{"model":"x"}', 400, "neither 'from' or 'files' was specified"),
        ("/api/create", b'{"model":"x","from":"a b"}', 400, "invalid model name"),
        ("/api/copy", b"{}", 400, 'source "" is invalid'),
        ("/api/copy", b'{"source":"tiny-chat"}', 400, 'destination "" is invalid'),
        (
            "/api/copy",
            b'{"source":"tiny-chat","destination":"a b"}',
            400,
            'destination "a b" is invalid',
        ),
        ("/api/copy", b'{"source":"nope","destination":"y"}', 404, 'model "nope" not found'),
        ("/api/me", b"", 401, "unauthorized"),
        ("/api/signout", b"", 401, "unauthorized"),
        ("/api/experimental/web_search", b"", 400, "missing request body"),
        (
            "/api/experimental/web_search",
            b'{"query":"x"}',
            403,
            "ollama cloud is disabled: web search is unavailable",
        ),
        (
            "/api/experimental/web_fetch",
            b'{"url":"x"}',
            403,
            "ollama cloud is disabled: web fetch is unavailable",
        ),
    ],
)
async def test_what_is_refused(adapter, path, body, status, error):
    reply = await adapter.post(path, body)
    assert (reply.status, reply.json) == (status, {"error": error})
    assert reply.headers["content-type"].startswith("application/json")


async def test_nothing_can_be_pushed(adapter):
    reply = await adapter.post("/api/push", {"model": "tiny-chat"})
    assert reply.status == 501
    assert "no registry" in reply.json["error"]


async def test_there_is_no_account(adapter):
    status = await adapter.get("/api/status")
    assert status.text == '{"cloud":{"disabled":true,"source":"config"}}'
    recommended = await adapter.get("/api/experimental/model-recommendations")
    assert recommended.text == '{"recommendations":[]}'
    key = await send(adapter.url, "DELETE", "/api/user/keys/abc")
    assert (key.status, key.text) == (401, '{"error":"unauthorized"}')


# --- create ---------------------------------------------------------------------------------


async def test_an_alias_changes_what_the_engine_is_asked(scripted, adapter):
    await create(
        adapter,
        "mario",
        system="You are Mario.",
        parameters={"temperature": 0.25, "stop": "END", "top_k": 7.0},
        messages=[{"role": "user", "content": "1?"}, {"role": "assistant", "content": "one"}],
    )
    ask = {"model": "mario", "messages": [{"role": "user", "content": "2?"}], "stream": False}
    reply = await adapter.post("/api/chat", ask | {"options": {"top_k": 3}})
    assert (reply.status, reply.json["model"]) == (200, "mario")
    body = scripted.bodies[-1]
    assert body["model"] == "tiny-chat"
    assert (body["temperature"], body["top_k"], body["stop"]) == (0.25, 3, ["END"])
    assert [(turn["role"], turn["content"]) for turn in body["messages"]] == [
        ("system", "You are Mario."),
        ("user", "1?"),
        ("assistant", "one"),
        ("user", "2?"),
    ]


async def test_the_lines_of_a_create(adapter):
    reply = await create(adapter, "mario", system="You are Mario.")
    assert reply.headers["content-type"] == "application/x-ndjson"
    listed = (await adapter.get("/api/tags")).json["models"]
    [base] = [model for model in listed if model["name"] == "tiny-chat:latest"]
    assert [line["status"] for line in reply.lines] == [
        f"using existing layer sha256:{base['digest']}",
        # sha256 of "You are Mario."
        "creating new layer sha256:"
        "15d6cc3672414cc43b7557e04cbdcf5de584ee9a0bd1c8a2e77f4169e9fdd216",
        "writing manifest",
        "success",
    ]
    assert len(reply.chunks) == len(reply.lines)
    whole = await adapter.post("/api/create", {"model": "m", "from": "mario", "stream": False})
    assert (whole.status, whole.text) == (200, '{"status":"success"}')


async def test_an_alias_is_shown_for_what_it_is(adapter):
    base = await show(adapter, "tiny-chat")
    turns = [{"role": "user", "content": "1?"}]
    await create(
        adapter,
        "mario:it",
        system="You are\nMario.",
        template="<{{ .System }}>{{ .Prompt }}",
        parameters={"temperature": 0.5, "stop": ["a b"]},
        license=["MIT", "mine"],
        messages=turns,
    )
    shown = await show(adapter, "mario:it")
    assert shown["system"] == "You are\nMario."
    assert shown["template"] == "<{{ .System }}>{{ .Prompt }}"
    assert shown["messages"] == turns
    assert shown["license"] == "MIT\nmine"
    assert shown["parameters"].split("\n")[-2:] == [
        "temperature                    0.5",
        'stop                           "a b"',
    ]
    assert shown["capabilities"] == ["completion"]
    assert shown["details"] == base["details"] | {"parent_model": "tiny-chat:latest"}
    assert shown["modelfile"] == (
        '# Modelfile generated by "ollama show"\n'
        "# To build a new Modelfile based on this, replace FROM with:\n"
        "# FROM mario:it\n\n"
        "FROM tiny-chat:latest\n"
        'TEMPLATE """<{{ .System }}>{{ .Prompt }}"""\n'
        'SYSTEM """You are\nMario."""\n'
        "PARAMETER num_ctx 4096\nPARAMETER temperature 0.5\n"
        'PARAMETER stop "a b"\nLICENSE """MIT"""\nLICENSE """mine"""\nMESSAGE user """1?"""\n'
    )
    [listed, _] = (await adapter.get("/api/tags")).json["models"]
    assert listed["name"] == "mario:it"  # newest first
    assert re.fullmatch("[0-9a-f]{64}", listed["digest"])
    assert is_rfc3339(listed["modified_at"])
    assert shown["modified_at"] == listed["modified_at"] > base["modified_at"]
    assert (shown["capabilities"], shown["details"]) == (listed["capabilities"], listed["details"])


async def test_a_template_with_a_suffix_fills_gaps(adapter):
    await create(adapter, "coder", template="{{ .Prompt }}<fill>{{ .Suffix }}")
    assert (await show(adapter, "coder"))["capabilities"] == ["completion", "insert"]


async def test_a_digest_changes_with_the_definition_only(adapter):
    async def digest(name: str) -> str:
        models = (await adapter.get("/api/tags")).json["models"]
        return {model["name"]: model["digest"] for model in models}[f"{name}:latest"]

    await create(adapter, "a", system="one")
    await create(adapter, "b", system="one")
    once = await digest("a")
    assert once == await digest("b") != await digest("tiny-chat")
    await create(adapter, "a", system="two")
    assert await digest("a") != once
    await create(adapter, "a", system="one")
    assert await digest("a") == once


async def test_what_a_create_leaves_out_is_inherited(adapter):
    await create(adapter, "a", system="one", parameters={"top_k": 1, "seed": 1}, license="MIT")
    body = {"model": "b", "from": "a", "parameters": {"seed": 2}}
    reply = await adapter.post("/api/create", body)
    kinds = [line["status"].split(" ")[0] for line in reply.lines]
    assert kinds == ["using", "using", "using", "creating", "writing", "success"]
    shown = await show(adapter, "b")
    assert (shown["system"], shown["license"]) == ("one", "MIT")
    assert shown["details"]["parent_model"] == "tiny-chat:latest"
    assert "seed                           2" in shown["parameters"].split("\n")
    await delete(adapter, {"model": "a"})
    assert (await show(adapter, "b"))["system"] == "one"


async def test_an_alias_can_be_made_anew_from_itself(adapter):
    await create(adapter, "a", system="one", parameters={"seed": 1})
    await adapter.post("/api/create", {"model": "a", "from": "a", "system": "two"})
    shown = await show(adapter, "a")
    assert (shown["system"], shown["details"]["parent_model"]) == ("two", "tiny-chat:latest")
    assert "seed                           1" in shown["parameters"].split("\n")


async def test_a_create_from_what_nobody_serves(adapter):
    reply = await adapter.post("/api/create", {"model": "x", "from": "nope"})
    assert reply.lines == [{"status": "pulling manifest"}, {"error": NOT_THERE}]
    whole = await adapter.post("/api/create", {"model": "x", "from": "nope", "stream": False})
    assert (whole.status, whole.json) == (500, {"error": NOT_THERE})
    assert await names(adapter) == ["tiny-chat:latest"]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"files": {"m.gguf": "sha256:" + "0" * 64}}, "takes no GGUF files"),
        ({"quantize": "q4_K_M"}, "quantizes none"),
        ({"parameters": {"temperature": "hot"}}, 'option "temperature" must be of type float32'),
        ({"parameters": {"stop": [1]}}, 'option "stop" must be of an array of strings'),
        ({"parameters": {"a b": 1}}, 'parameter "a b" is none'),
        ({"parameters": {"x": {"y": 1}}}, 'parameter "x" is none'),
        ({"parameters": 5}, "json: cannot unmarshal number into Go struct field"),
        ({"template": "{{ if }"}, "template error: template: "),
        ({"license": {"a": 1}}, "license must be a string or a list of strings"),
        ({"adapters": {"a.gguf": "sha256:" + "0" * 64}}, "takes no GGUF adapter"),
        ({"adapters": {"../x.json": "sha256:" + "0" * 64}}, '"../x.json" is no file of a LoRA'),
        ({"adapters": {"adapter_config.json": "x"}}, "adapter_model.safetensors missing"),
        ({"model": "tiny-chat"}, '"tiny-chat:latest" is served by the engine engine0'),
    ],
)
async def test_what_no_alias_can_be_made_of(adapter, fields, error):
    body = {"model": "x", "from": "tiny-chat"} | fields
    for stream in (True, False):
        reply = await adapter.post("/api/create", body | {"stream": stream})
        assert reply.status == 400
        assert list(reply.json) == ["error"]
        assert error in reply.json["error"]
    assert await names(adapter) == ["tiny-chat:latest"]


# --- copy and delete ------------------------------------------------------------------------


async def test_a_copy_and_its_deletion_answer_with_nothing(adapter):
    copied = await adapter.post("/api/copy", {"source": "tiny-chat", "destination": "Twin:x"})
    assert (copied.status, copied.body) == (200, b"")
    assert "content-type" not in copied.headers
    assert copied.headers["content-length"] == "0"
    assert await names(adapter) == ["Twin:x", "tiny-chat:latest"]
    reply = await adapter.post("/api/generate", {"model": "twin:X", "prompt": "hi"})
    assert reply.lines[-1]["done"] is True
    gone = await delete(adapter, {"model": "", "name": "twin:x"})
    assert (gone.status, gone.body) == (200, b"")
    assert "content-type" not in gone.headers
    assert await names(adapter) == ["tiny-chat:latest"]
    again = await delete(adapter, {"model": "twin:x"})
    assert (again.status, again.json) == (404, {"error": "model 'twin:x' not found"})


async def test_a_model_is_not_to_be_hidden_nor_deleted(adapter):
    await create(adapter, "a")
    reply = await adapter.post("/api/copy", {"source": "a", "destination": "library/tiny-chat"})
    where = "is served by the engine engine0 (as tiny-chat)"
    assert reply.status == 400
    assert reply.json == {"error": f'"tiny-chat:latest" {where}: choose another name'}
    reply = await delete(adapter, {"model": "tiny-chat"})
    assert reply.status == 400
    assert reply.json == {"error": f'"tiny-chat:latest" {where}: only there can it be removed'}
    same = await adapter.post("/api/copy", {"source": "tiny-chat", "destination": "Tiny-Chat"})
    assert same.status == 200


@pytest.mark.parametrize("name", ["nat", "llama2:7b"])
async def test_what_stands_in_the_configuration_is_removed_there(scripted, name: str):
    models = {"nat": {"served_name": "tiny-chat", "aliases": ["llama2:7b"]}}
    full = {"nat": "nat:latest"}.get(name, name)
    where = f'"{full}" is in the adapter\'s configuration (models."nat")'
    async with serving(scripted.url, models=models) as adapter:
        await adapter.until_ready()
        reply = await delete(adapter, {"model": name})
        assert reply.status == 400
        assert reply.json == {"error": f"{where}: only there can it be removed"}
        reply = await adapter.post("/api/create", {"model": name, "from": "nat", "system": "x"})
        assert reply.status == 400
        assert reply.json == {"error": f"{where}: choose another name"}
        assert set(await names(adapter)) == {"nat:latest", "llama2:7b"}


@pytest.mark.parametrize("more", [{}, {"fim": {"prefix": "<P>", "suffix": "<S>", "middle": "<M>"}}])
async def test_a_model_made_of_what_show_tells_can_do_the_same(scripted, more: dict):
    can = ["completion", "tools", "thinking"]
    models = {"tiny-chat": {"capabilities": can, **more}}
    async with serving(scripted.url, models=models) as adapter:
        await adapter.until_ready()
        served = await show(adapter, "tiny-chat")
        told = {key: served[key] for key in ("template", "license")}
        await create(adapter, "a", **told)
        shown = await show(adapter, "a")
        for key in ("template", "license", "capabilities"):
            assert shown[key] == served[key]
        assert "TEMPLATE" not in shown["modelfile"]
        assert "LICENSE" not in shown["modelfile"]
        body = {"model": "a", "messages": [{"role": "user", "content": "hi"}]}
        assert (await adapter.post("/v1/chat/completions", body)).status == 200


async def test_where_ollama_is_to_look_is_no_part_of_a_name(adapter):
    body = {"source": "tiny-chat:local", "destination": "twin:local"}
    assert (await adapter.post("/api/copy", body)).status == 200
    assert await names(adapter) == ["twin:latest", "tiny-chat:latest"]
    assert (await delete(adapter, {"model": "twin:local"})).status == 200
    reply = await adapter.post("/api/copy", body | {"destination": "twin:cloud"})
    assert reply.status == 403


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 400, "model is required"),
        ({"name": "bad name!"}, 400, 'name "bad name!" is invalid'),
        ({"model": "nope"}, 404, "model 'nope' not found"),
    ],
)
async def test_what_can_not_be_deleted(adapter, body, status, error):
    reply = await delete(adapter, body)
    assert (reply.status, reply.json) == (status, {"error": error})


async def test_an_alias_goes_and_comes_with_its_base(scripted, adapter):
    await create(adapter, "a")
    scripted.models = ("another",)
    async with asyncio.timeout(10):
        while "a:latest" in await names(adapter):
            await adapter.post("/api/show", {"model": "nope"})
    assert await names(adapter) == ["another:latest"]
    scripted.models = ("tiny-chat", "a")
    async with asyncio.timeout(10):
        while "tiny-chat:latest" not in await names(adapter):
            await adapter.post("/api/show", {"model": "tiny-chat"})
    # A model has taken its name: the alias is hidden, and can still be deleted.
    assert (await show(adapter, "a"))["details"]["parent_model"] == ""
    assert (await delete(adapter, {"model": "a"})).status == 200
    assert (await delete(adapter, {"model": "a"})).status == 400
