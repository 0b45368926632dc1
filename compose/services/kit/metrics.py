"""Figures for Prometheus: ours, and the four that OPEA's dashboards show."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from services.kit.statistics import Statistics

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_TOKENS = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
_HITS = (0, 1, 2, 4, 6, 8, 12, 20, 40, 100)


class Metrics:
    """Of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.statistics = Statistics()
        self.stages = self._histogram("rag_stage_seconds", "time in a stage", ["stage"])
        self.first_token = self._histogram("rag_ttft_seconds", "until the first token")
        self.context = Histogram(
            "rag_context_tokens", "tokens of a prompt", buckets=_TOKENS, registry=self.registry
        )
        self.hits = Histogram(
            "rag_hits", "passages shown to the model", buckets=_HITS, registry=self.registry
        )
        self.empty = self._counter("rag_empty", "questions that found nothing")
        self.aside = self._counter("rag_passed_through", "prompts answered without retrieval")
        self.rerank_fallback = self._counter("rag_rerank_fallback", "went on unranked", ["reason"])
        self.condense_failed = self._counter("rag_condense_failed", "follow-ups taken as they are")
        self.stripped = self._counter("rag_citations_stripped", "citations of no source")
        self.files = self._counter("rag_ingest_files", "files taken in", ["outcome"])
        self.chunks = self._counter("rag_ingest_chunks", "passages stored")
        self.bytes = self._counter("rag_ingest_bytes", "bytes read")
        self.requests = self._counter("rag_requests", "requests", ["role", "route", "status"])
        self.mega_first = self._histogram("megaservice_first_token_latency", "first token")
        self.mega_inter = self._histogram("megaservice_inter_token_latency", "between tokens")
        self.mega_request = self._histogram("megaservice_request_latency", "whole requests")
        self.mega_pending = Gauge(
            "megaservice_request_pending", "requests being answered", registry=self.registry
        )

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times what is done within, failures and cancellations included."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.stages.labels(name).observe(time.perf_counter() - began)

    def text(self) -> bytes:
        return generate_latest(self.registry)

    def _histogram(self, name: str, meaning: str, labels: list[str] | None = None) -> Histogram:
        return Histogram(name, meaning, labels or [], buckets=_SECONDS, registry=self.registry)

    def _counter(self, name: str, meaning: str, labels: list[str] | None = None) -> Counter:
        return Counter(name, meaning, labels or [], registry=self.registry)
