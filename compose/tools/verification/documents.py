"""The services that answer from documents."""

from __future__ import annotations

import json
import secrets
import urllib.request

from verification import stack as stacks
from verification.answers import PIPELINE
from verification.asking import CHAT_PATIENCE, ask, upload
from verification.settings import setting
from verification.stack import Stack
from verification.verdicts import Failed

ROLES = ("chatqna", "dataprep", "embedding", "retriever", "reranker", "llm")
DOCUMENTS = ("rag", *(f"rag-{role}" for role in ROLES), "rag-db")
MAY_FETCH = ("rag", "rag-dataprep")
"""To whom RAG_NETWORK gives a way out: they fetch links."""
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
SCRATCH = b"# The verification\n\nThe word of the day is heliotrope.\n"
QUESTION = "What is the word of the day of the verification?"


def documents_healthy(stack: Stack) -> str:
    """Those that are published; whether the others are healthy, Docker tells."""
    urls = [at_documents(stack, port, "") for port in (8888, 6007)]
    for url in urls:
        with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:
            answer.read()
    return ", ".join(urls)


def pipeline_listed(stack: Stack) -> str:
    names = [row["name"] for row in ask(f"{stack.url}/api/tags")["models"]]
    if PIPELINE not in names:
        raise Failed(f"not among the adapter's models: {', '.join(names) or 'there is none'}")
    loaded = [row["name"] for row in ask(f"{stack.url}/api/ps")["models"]]
    if PIPELINE not in loaded:
        raise Failed("in /api/tags, but not in /api/ps")
    shown = ask(f"{stack.url}/api/show", {"model": PIPELINE})
    return f"{PIPELINE}: {', '.join(shown['capabilities'])}"


def documents_answer(stack: Stack) -> str:
    """A document into an index of its own, a question to it, and the index away again."""
    index = f"verify-{secrets.token_hex(6)}"
    dataprep = at_documents(stack, 6007, "/v1/dataprep")
    try:
        taken = upload(f"{dataprep}/ingest", "verify.md", SCRATCH, {"index_name": index})
        body = {"messages": [{"role": "user", "content": QUESTION}], "index_name": index}
        url = at_documents(stack, 8888, "/v1/chat/completions")
        answer = ask(url, body | {"max_tokens": 64}, CHAT_PATIENCE)
        found = [row["file"] for row in answer["sources"]]
    finally:
        ask(f"{dataprep}/delete", {"file_path": "all", "index_name": index})
    if found != ["verify.md"]:
        raise Failed(f"the document was taken in, but is no source of the answer: {found}")
    if index in ask(f"{dataprep}/indices", {}):
        raise Failed(f"the index {index} was deleted, but is there")
    return f"{taken['files'][0]['passages']} passage taken in, found, shown to the model, deleted"


def documents_shut(stack: Stack) -> str:
    """Whoever has the documents has no way out, but for whom RAG_NETWORK gives one."""
    opened: list[str] = []
    allowed: list[str] = []
    for name in DOCUMENTS:
        if name not in stack.containers:
            continue
        networks = list(stack.containers[name].about["NetworkSettings"]["Networks"])
        for network in json.loads(stacks.docker("network", "inspect", *networks)):
            translated = (network["Options"] or {}).get(MASQUERADE) != "false"
            if not network["Internal"] and translated:
                asked = name in MAY_FETCH and setting("RAG_NETWORK") not in ("", "door")
                (allowed if asked else opened).append(f"{name} by {network['Name']}")
    if opened:
        raise Failed(f"a way out: {', '.join(opened)}")
    asked_for = f", as RAG_NETWORK={setting('RAG_NETWORK')} asks"
    return f"a way out: {', '.join(allowed)}{asked_for}" if allowed else "none has"


def at_documents(stack: Stack, port: int, path: str) -> str:
    """Where a port of the services is published."""
    for name in ("rag", "rag-chatqna", "rag-dataprep"):
        if name in stack.containers and (url := stack.containers[name].address(port, path)):
            return url
    raise Failed(f"none of them publishes its port {port}")
