"""All roles: what each answers, on which ports, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass

from services.kit.app import Card, Routes
from services.roles import chatqna, dataprep, embedding, llm, reranker, retriever


@dataclass(frozen=True)
class Role:
    card: Card
    routes: Routes
    ports: tuple[str, ...]
    """Fields of the settings."""


ROLES = {
    role.card.name: role
    for role in (
        Role(chatqna.CARD, chatqna.ROUTES, ("chatqna_port",)),
        Role(dataprep.CARD, dataprep.ROUTES, ("dataprep_port",)),
        Role(embedding.CARD, embedding.ROUTES, ("embedding_port", "tei_port")),
        Role(retriever.CARD, retriever.ROUTES, ("retriever_port",)),
        Role(reranker.CARD, reranker.ROUTES, ("reranker_port",)),
        Role(llm.CARD, llm.ROUTES, ("llm_port",)),
    )
}
ALL = "all"
