"""A prompt that is too long: what goes, what stays, and that the client is told."""

from collections.abc import AsyncIterator

import pytest

from tests.support import plays
from tests.support.scripted_vllm import CHAT, Play, ScriptedVLLM
from tests.support.serve import Adapter, serving
from tests.support.word_tokens import WordTokens

WINDOW = 40
TOO_LONG = (
    "the prompt is longer than the context length currently available to the model; shorten the "
    "prompt, adjust the context length in settings, or use a model with a longer context length"
)


@pytest.fixture
def tokens() -> WordTokens:
    return WordTokens(WINDOW)


@pytest.fixture
async def scripted(tokens: WordTokens) -> AsyncIterator[ScriptedVLLM]:
    server = ScriptedVLLM(
        tokens.play, max_model_len=WINDOW, abilities=frozenset({"tools", "thinking"})
    )
    await server.up()
    yield server
    await server.down()


def turn(role: str, name: str, count: int = 6, **more: object) -> dict:
    """A turn of so many tokens in all."""
    words = " ".join(f"{name}{number}" for number in range(count - 2))
    return {"role": role, "content": words, **more}


def history(*letters: str) -> list[dict]:
    roles = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}
    return [turn(roles[letter[0]], letter) for letter in letters]


def chat(messages: list[dict], **fields: object) -> dict:
    return {"model": "tiny-chat", "messages": messages, "stream": False} | fields


def kept(tokens: WordTokens) -> list[str]:
    """The turns of the prompt that was answered, by their first words."""
    [prompt] = tokens.prompts
    return [word[:-1] for word in prompt if word.endswith("0")]


async def test_what_fits_costs_nothing(scripted, adapter, tokens):
    reply = await adapter.post("/api/chat", chat(history("s", "u1", "a1", "u2")))
    assert reply.status == 200
    assert "x-adapter-truncated" not in reply.headers
    assert [received.path for received in scripted.seen] == [CHAT]


# 40 tokens, five of which are kept free; a turn has 6 and the answer's beginning 1. What is left
# begins with a user's turn.
CHATS = [
    (["s", "u1", "a1", "u2", "a2", "u3", "a3", "u4"], ["s", "u3", "a3", "u4"], "4"),
    (["u1", "a1", "u2", "a2", "u3", "a3", "u4"], ["u2", "a2", "u3", "a3", "u4"], "2"),
    (["s1", "u1", "a1", "s2", "u2", "a2", "u3", "u4"], ["s1", "s2", "u3", "u4"], "4"),
    (["u0", "a1", "a2", "a3", "a4", "a5", "a6"], ["a1", "a2", "a3", "a4", "a5", "a6"], "1"),
]


async def test_templates_that_begin_with_the_user_take_what_is_left(scripted, adapter, tokens):
    """Some refuse any other beginning; a count that ends in such a refusal would be no count."""
    tokens.strict = True
    names = [f"{letter}{number}" for number in range(20) for letter in "ua"]
    reply = await adapter.post("/api/chat", chat(history(*names, "u")))
    assert reply.status == 200, reply.text
    assert kept(tokens) == ["u18", "a18", "u19", "a19", "u"]


@pytest.mark.parametrize(("before", "after", "dropped"), CHATS)
@pytest.mark.parametrize("stream", [True, False])
async def test_the_oldest_turns_go(scripted, adapter, tokens, before, after, dropped, stream):
    reply = await adapter.post("/api/chat", chat(history(*before), stream=stream))
    assert reply.status == 200, reply.text
    assert kept(tokens) == after
    assert reply.headers["x-adapter-truncated"] == dropped
    [prompt] = tokens.prompts
    assert len(prompt) <= WINDOW - 1 - (WINDOW - 1) // 8


async def test_a_model_with_a_template_of_its_own_loses_turns_too(scripted, adapter, tokens):
    template = "{{ range .Messages }}<{{ .Role }}> {{ .Content }} <end> {{ end }}<assistant>"
    made = {"model": "mine", "from": "tiny-chat", "template": template, "stream": False}
    assert (await adapter.post("/api/create", made)).json == {"status": "success"}
    body = chat(history("s", "u1", "a1", "u2", "a2", "u3", "a3", "u4"), model="mine")
    reply = await adapter.post("/api/chat", body)
    assert reply.status == 200, reply.text
    assert reply.headers["x-adapter-truncated"] == "4"
    assert kept(tokens) == ["s", "u3", "a3", "u4"]


async def test_no_more_go_than_needed_for_a_short_answer(scripted, adapter, tokens):
    messages = history("s", "u1", "u2", "a2", "u3", "a3", "u4")  # 43 tokens
    body = chat([*messages], options={"num_predict": 1})
    reply = await adapter.post("/api/chat", body)
    assert reply.headers["x-adapter-truncated"] == "1"
    assert kept(tokens) == ["s", "u2", "a2", "u3", "a3", "u4"]


async def test_results_go_with_their_calls(scripted, adapter, tokens):
    called = turn("assistant", "c", tool_calls=[{"function": {"name": "f"}}])
    result = turn("tool", "t")
    messages = [*history("u1"), called, result, *history("u2", "a2", "u3", "a3", "u4")]
    reply = await adapter.post("/api/chat", chat(messages))
    assert reply.headers["x-adapter-truncated"] == "3"
    assert kept(tokens) == ["u2", "a2", "u3", "a3", "u4"]


async def test_tools_count(scripted, adapter, tokens):
    tools = [{"type": "function", "function": {"name": f"f{number}"}} for number in range(6)]
    messages = history("u1", "a1", "u2", "a2", "u3")
    assert (await adapter.post("/api/chat", chat(messages))).status == 200
    tokens.prompts.clear()
    reply = await adapter.post("/api/chat", chat([*messages, *history("u4")], tools=tools))
    assert reply.headers["x-adapter-truncated"] == "2"
    assert kept(tokens) == ["u2", "a2", "u3", "u4"]


async def test_counting_is_done_by_halves(scripted, adapter, tokens):
    messages = history(*(f"u{number}" for number in range(64)))
    assert (await adapter.post("/api/chat", chat(messages))).status == 200
    assert len(tokens.counted) <= 8


NOT_SHORTENED = [
    (history("u1", "a1", "u2", "a2", "u3", "a3", "u4"), {"truncate": False}),
    ([turn("user", "u", 60)], {}),
    ([turn("system", "s", 60), *history("u")], {}),
    ([*history("u1", "a1"), turn("user", "u", 60)], {}),
]


@pytest.mark.parametrize(("messages", "fields"), NOT_SHORTENED)
@pytest.mark.parametrize("stream", [True, False])
async def test_what_may_not_go_is_an_error(scripted, adapter, tokens, messages, fields, stream):
    reply = await adapter.post("/api/chat", chat(messages, **fields, stream=stream))
    assert (reply.status, reply.json) == (400, {"error": TOO_LONG})
    assert "x-adapter-truncated" not in reply.headers
    assert tokens.prompts == []


# --- prompts --------------------------------------------------------------------------------

NUMBERS = [f"w{number}" for number in range(100)]


def generate(**fields: object) -> dict:
    return {"model": "tiny-chat", "prompt": " ".join(NUMBERS), "stream": False, **fields}


async def test_the_middle_of_a_prompt_goes(scripted, adapter, tokens):
    """The first num_keep tokens and the last half window stay, less what the template adds."""
    reply = await adapter.post("/api/generate", generate())
    assert reply.status == 200, reply.text
    [prompt] = tokens.prompts
    assert prompt == ["<user>", *NUMBERS[:4], *NUMBERS[-17:], "<end>", "<assistant>"]
    assert reply.headers["x-adapter-truncated"] == "79 tokens"


@pytest.mark.parametrize(
    ("num_keep", "head"), [(0, 0), (2, 2), (-1, 0), (2.0, 2), (10**15, 17), (None, 4)]
)
async def test_num_keep(scripted, adapter, tokens, num_keep, head: int):
    reply = await adapter.post("/api/generate", generate(options={"num_keep": num_keep}))
    assert reply.status == 200, reply.text
    [prompt] = tokens.prompts
    assert prompt == ["<user>", *NUMBERS[:head], *NUMBERS[-17:], "<end>", "<assistant>"]


async def test_a_raw_prompt_has_nothing_around_it(scripted, adapter, tokens):
    reply = await adapter.post("/api/generate", generate(raw=True))
    assert reply.headers["x-adapter-truncated"] == "76 tokens"
    assert tokens.prompts == [[*NUMBERS[:4], *NUMBERS[-20:]]]


async def test_a_system_text_stays(scripted, adapter, tokens):
    await adapter.post("/api/generate", generate(system="be kind"))
    [prompt] = tokens.prompts
    assert prompt[:4] == ["<system>", "be", "kind", "<end>"]
    assert prompt[-2:] == ["<end>", "<assistant>"]
    assert len(prompt) < WINDOW


async def test_a_context_is_cut_as_tokens(scripted, adapter, tokens):
    context = [1000 + number for number in range(100)]
    reply = await adapter.post("/api/generate", generate(prompt="hi", context=context))
    assert reply.status == 200, reply.text
    *_, sent = [body for body in scripted.bodies if isinstance(body.get("prompt"), list)]
    assert sent["prompt"][:4] == context[:4]
    assert len(sent["prompt"]) == 4 + WINDOW // 2
    assert tokens.prompts[0][-4:] == ["<user>", "hi", "<end>", "<assistant>"]


@pytest.mark.parametrize("fields", [{"shift": False}, {"truncate": False}])
@pytest.mark.parametrize("raw", [True, False])
async def test_a_prompt_that_may_not_be_cut(scripted, adapter, tokens, fields, raw: bool):
    reply = await adapter.post("/api/generate", generate(raw=raw, **fields))
    assert (reply.status, reply.json) == (400, {"error": TOO_LONG})
    assert tokens.prompts == []


async def test_a_system_text_that_fills_the_window_is_an_error(scripted, adapter, tokens):
    reply = await adapter.post("/api/generate", generate(system=" ".join(NUMBERS)))
    assert (reply.status, reply.json) == (400, {"error": TOO_LONG})
    assert "x-adapter-truncated" not in reply.headers


# --- engines that can't be asked ------------------------------------------------------------


@pytest.mark.parametrize(
    "missing",
    [
        plays.recorded("emb_on_chat"),
        plays.refuse(404, {"error": {"message": "File Not Found", "code": 404}}),
        plays.refuse(405, {"detail": "Method Not Allowed"}),
        plays.refuse(403, {"error": "not on this path"}),
        plays.refuse(500, {"error": {"message": "x"}}),
    ],
)
async def test_an_engine_that_tells_no_tokens(scripted, adapter, missing: Play):
    """Its refusal is what the client is told."""
    refused = plays.recorded("err_context")

    async def play(stage):
        await (missing if stage.received.path == "/tokenize" else refused)(stage)

    scripted.play = play
    for path, body in (
        ("/api/chat", chat(history("u1", "a1", "u2"))),
        ("/api/generate", generate()),
    ):
        reply = await adapter.post(path, body)
        assert (reply.status, reply.json) == (400, {"error": TOO_LONG})


@pytest.mark.parametrize(
    "answer", [b"{}", b"[]", b"null", b'{"tokens":5}', b'{"tokens":["x"]}', b"<html>"]
)
async def test_an_engine_that_tells_nonsense(scripted, adapter, answer: bytes):
    async def play(stage):
        if stage.received.path == CHAT:
            await plays.recorded("err_context")(stage)
        else:
            await stage.head(200, {"content-type": "application/json"}, length=len(answer))
            await stage.write(answer)

    scripted.play = play
    for path, body in (
        ("/api/chat", chat(history("u1", "a1", "u2"))),
        ("/api/generate", generate()),
        ("/api/generate", generate(context=[1, 2])),
    ):
        reply = await adapter.post(path, body)
        assert reply.status == 502
        assert reply.json["error"].startswith("the engine sent malformed")


async def test_a_smaller_window_of_the_configuration_is_no_lie(scripted, tokens):
    """The engine's own window decides whether a prompt is too long; ours how much is kept."""
    models = {"tiny-chat": {"upstream": "engine0", "context_length": 20}}
    async with serving(scripted.url, models=models) as adapter:
        assert isinstance(adapter, Adapter)
        await adapter.until_ready()
        reply = await adapter.post("/api/generate", generate())
        assert reply.status == 200
        assert len(tokens.prompts[0]) <= 20
