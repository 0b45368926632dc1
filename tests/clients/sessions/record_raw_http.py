"""requests and httpx, as applications without a client for Ollama write their calls."""

import asyncio

import httpx
import requests
from stepping import host, steps

HOST = host()
PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC"
)
QUESTION = "When do cats eat?"


def posted(path, body, **how):
    return requests.post(HOST + path, json=body, timeout=60, **how)


async def posted_by_httpx(path, body):
    async with httpx.AsyncClient(timeout=60.0) as client:
        return await client.post(HOST + path, json=body)


def generate_options():
    options = {"temperature": 0.1, "num_predict": 1000}
    posted(
        "/api/generate",
        {"model": "tiny:latest", "prompt": QUESTION, "stream": False, "options": options},
    )


def generate_top_level():
    """Sampling where Ollama doesn't look for it."""
    body = {"model": "tiny", "prompt": QUESTION, "stream": False}
    asyncio.run(
        posted_by_httpx(
            "/api/generate", body | {"temperature": 0.3, "top_p": 0.9, "num_predict": 4}
        )
    )


def generate_entities():
    """A list of JSON in the text is what it looks for; a schema would make sure of it."""
    prompt = "List the entities of 'Cats' as a JSON list."
    body = {"model": "tiny", "prompt": prompt, "stream": False, "temperature": 0.3}
    asyncio.run(posted_by_httpx("/api/generate", body))


def generate_unknown():
    posted("/api/generate", {"model": "nope", "prompt": QUESTION, "stream": False})


def generate_slow():
    posted("/api/generate", {"model": "tiny", "prompt": "SLOW"})


def ocr_page():
    body = {"model": "tiny", "prompt": "Read the page.", "images": [PICTURE], "stream": False}
    posted("/api/generate", body | {"options": {"temperature": 0.3, "num_predict": 4096}})


def tags():
    requests.get(HOST + "/api/tags", timeout=5)


def version():
    requests.get(HOST + "/api/version", timeout=5)


def show_by_get():
    """Ollama has POST only: the caller takes what is not a 200 for a model that is away."""
    requests.get(HOST + "/api/show", json={"name": "tiny"}, timeout=5)


def show_by_name():
    posted("/api/show", {"name": "tiny"})


def pull_by_name():
    posted("/api/pull", {"name": "tiny"})


def embeddings():
    posted("/api/embeddings", {"model": "nomic-embed-text", "prompt": QUESTION})


def v1_chat():
    """OPEA's mega service, told that its model is at Ollama's port."""
    prompt = "### Context: Cats eat fish at noon. ### Question: When do cats eat? ### Answer:"
    body = {
        "model": "tiny",
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": 1024,
        "top_p": 0.95,
        "stream": False,
        "frequency_penalty": 0.0,
        "temperature": 0.01,
    }
    headers = {"Content-Type": "application/json"}
    requests.post(HOST + "/v1/chat/completions", json=body, headers=headers, timeout=60)


def v1_chat_streamed():
    prompt = "### Question: When do cats eat? ### Answer:"
    body = {
        "model": "tiny",
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": 1024,
        "top_p": 0.95,
        "stream": True,
        "frequency_penalty": 0.0,
        "temperature": 0.01,
    }
    reply = requests.post(HOST + "/v1/chat/completions", json=body, stream=True, timeout=60)
    list(reply.iter_lines())


steps(
    *(generate_options, generate_top_level, generate_entities, generate_unknown, generate_slow),
    *(ocr_page, tags, version, show_by_get, show_by_name, pull_by_name, embeddings),
    *(v1_chat, v1_chat_streamed),
)
