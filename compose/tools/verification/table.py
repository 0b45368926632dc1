"""Which checks there are, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from verification.addresses import effective
from verification.answers import (
    PIPELINE,
    chat,
    dashboards,
    embedding,
    healthy,
    metrics,
    openai,
    plain,
    ready,
    scraped,
    seeing,
    tags,
    vision_models,
)
from verification.containers import ENGINES, bound, hardened, shut, states, steady
from verification.documents import (
    DOCUMENTS,
    documents_answer,
    documents_healthy,
    documents_shut,
    pipeline_listed,
)
from verification.stack import Stack
from verification.verdicts import UNSEEN, Row, verdict


def always(_: Stack) -> bool:
    return True


def seen(stack: Stack) -> bool:
    return not stack.docker and bool(stack.containers)


def with_(*services: str) -> Callable[[Stack], bool]:
    return lambda stack: stack.has(*services)


def able_to(capability: str) -> Callable[[Stack], bool]:
    return lambda stack: any(capability in abilities for abilities in stack.models.values())


Table = list[tuple[str, Callable[[Stack], str], Callable[[Stack], bool]]]
AROUND: Table = [
    ("every container is healthy, or done", states, seen),
    ("nothing was restarted", steady, seen),
    ("ports are bound where they should be", bound, seen),
    ("engines can't be reached from outside", shut, with_(*ENGINES)),
    ("documents have no way out", documents_shut, with_(*DOCUMENTS)),
    ("containers are hardened", hardened, seen),
]
PHASE2: Table = [
    ("the adapter is healthy", healthy, always),
    ("every upstream answers", ready, always),
    ("clients here come to the adapter", effective, always),
    ("models are listed", tags, always),
    ("OpenAI's API lists them too", openai, always),
    ("a chat streams", chat, always),
    ("an embedding is made", embedding, able_to("embedding")),
    ("the vision Ollama has its models", vision_models, with_("vision")),
    ("a model that sees is listed", seeing, with_("vision")),
    ("the services are healthy", documents_healthy, with_(*DOCUMENTS)),
    (f"{PIPELINE} is a model", pipeline_listed, with_(*DOCUMENTS)),
    ("a document is found and shown to a model", documents_answer, with_(*DOCUMENTS)),
    ("the adapter tells its metrics", metrics, always),
    ("Prometheus scrapes every target", scraped, with_("prometheus")),
    ("Grafana answers", dashboards, with_("grafana")),
    *AROUND,
]
PHASE1: Table = [
    ("Ollama answers in the adapter's place", plain, always),
    ("clients here come to it", effective, always),
    ("models are listed", tags, always),
    ("a chat streams", chat, always),
    *AROUND,
]


def checks(stack: Stack) -> Iterator[Row]:
    phase1 = stack.has("phase1") and not stack.has("adapter")
    table = PHASE1 if phase1 else PHASE2
    for name, check, wanted in table:
        if wanted(stack):
            yield verdict(name, check, stack)
    if stack.docker:
        yield Row("the Docker daemon answers", UNSEEN, f"not asked: {stack.docker}")
