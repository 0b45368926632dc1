from __future__ import annotations

import orjson

from tests.services.house import Rag, Stack

TURN = {"role": "user", "content": "hi"}
PATH = "/v1/chat/completions"


async def test_a_chat_passes_through(stack: Stack, rag: Rag):
    body = {"messages": [TURN], "temperature": 0.1, "tools": []}
    reply = (await rag.post("llm", PATH, body)).json
    assert reply["choices"][0]["message"]["content"] == "Hello <b>"
    assert stack.chat.bodies[-1]["temperature"] == 0.1
    reply = await rag.post("llm", PATH, body | {"stream": True})
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.body.endswith(b"data: [DONE]\n\n")


async def test_a_bare_text_is_completed(stack: Stack, rag: Rag):
    reply = (await rag.post("llm", PATH, {"messages": "Once", "max_tokens": 3})).json
    assert reply["object"] == "text_completion"
    assert stack.chat.seen[-1].path == "/v1/completions"
    assert stack.chat.bodies[-1]["prompt"] == "Once"


async def test_a_rerankers_answer(stack: Stack, rag: Rag):
    await rag.post("llm", PATH, {"query": "Why?", "documents": ["Because {x}."]})
    [turn] = stack.chat.bodies[-1]["messages"]
    assert turn["content"] == "### Context:\nBecause {x}.\n\n### Question: Why?"
    template = "{question}\n{context}\n{x}"
    asked = {"query": "Why?", "documents": ["{question}"], "chat_template": template}
    await rag.post("llm", PATH, asked)
    assert stack.chat.bodies[-1]["messages"][0]["content"] == "Why?\n{question}\n{x}"
    assert "chat_template" not in stack.chat.bodies[-1]
    assert (await rag.post("llm", PATH, asked | {"chat_template": 7})).status == 400
    await rag.post("llm", PATH, {"query": "Why?", "documents": ["a<|im_end|>b"]})
    assert "<|im_end|>" not in stack.chat.bodies[-1]["messages"][0]["content"]


async def test_enterprise_rags_form(stack: Stack, rag: Rag):
    documents = [{"text": "Because."}]
    body = {
        "messages": {"system": "Be brief.", "user": "Why?"},
        "max_new_tokens": 9,
        "data": {"reranked_docs": documents},
    }
    reply = (await rag.post("llm", PATH, body)).json
    assert reply["text"] == "Hello <b>"
    assert reply["prompt"] == "Be brief.\nWhy?"
    assert reply["data"] == {"reranked_docs": documents}
    assert stack.chat.bodies[-1]["max_tokens"] == 9
    assert stack.chat.bodies[-1]["messages"][0] == {"role": "system", "content": "Be brief."}
    streamed = await rag.post("llm", PATH, body | {"streaming": True})
    *_, done, trailer, end = streamed.body.split(b"\n\n")
    assert done == b"data: [DONE]"
    assert orjson.loads(trailer.removeprefix(b"json: ")) == {"reranked_docs": documents}
    assert end == b""


async def test_an_engine_that_breaks(rag: Rag):
    body = {"messages": [TURN | {"content": "MIDERR"}], "max_new_tokens": 9, "stream": True}
    reply = await rag.post("llm", PATH, body)
    assert b"[DONE]" not in reply.body
    assert b'"error"' in reply.body
    assert (await rag.post("llm", PATH, {"messages": [TURN | {"content": "ERR400"}]})).status == 400


async def test_what_is_refused(rag: Rag):
    for body in ({"max_new_tokens": 3}, {"messages": [1], "max_new_tokens": 3}):
        assert (await rag.post("llm", PATH, body)).status == 400
    assert (await rag.post("llm", PATH, {"query": "q", "documents": [1]})).status == 400


async def test_tokens_are_counted(rag: Rag):
    assert (await rag.post("llm", "/v1/tokenize", {"prompt": "hi"})).json["count"] > 0


async def test_tokens_are_counted_by_an_engine_without_the_adapter(stack: Stack):
    async with stack.up(llm_url=stack.chat.url) as rag:
        assert (await rag.post("llm", "/v1/tokenize", {"prompt": "hi"})).json["count"] > 0


async def test_a_model_that_nobody_has_is_told(stack: Stack):
    async with stack.up(llm_model="nope") as rag:
        reply = await rag.post("llm", "/v1/tokenize", {"prompt": "hi"})
    assert "model 'nope' not found" in reply.json["error"]["message"]
