"""Every Prometheus metric, declared in one place.

Labels are bounded: routes by the route table, models and upstreams by the catalog.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from adapter import OLLAMA_VERSION, __version__
from adapter.observe.facts import Facts

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series each, used by nobody

_NS = 1e-9
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_BY_MODEL = ("model", "upstream")


class Metrics:
    """The metrics of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "adapter_requests",
            "Requests by outcome: ok, client_gone, upstream_fault, refused.",
            ("route", *_BY_MODEL, "outcome"),
            registry=registry,
        )
        self.in_flight = Gauge(
            "adapter_requests_in_flight",
            "Requests being served.",
            ("route",),
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.prompt_tokens = Counter(
            "adapter_prompt_tokens",
            "Tokens of prompts and embedding inputs, as the engine counts them.",
            _BY_MODEL,
            registry=registry,
        )
        self.generated_tokens = Counter(
            "adapter_generated_tokens",
            "Tokens generated, as the engine counts them.",
            _BY_MODEL,
            registry=registry,
        )
        self.first_token = Histogram(
            "adapter_time_to_first_token_seconds",
            "From the request's arrival to the first text of its answer.",
            _BY_MODEL,
            registry=registry,
            buckets=_SECONDS,
        )
        self.evaluation = Histogram(
            "adapter_evaluation_duration_seconds",
            "From the first to the last generated token (Ollama's eval_duration).",
            _BY_MODEL,
            registry=registry,
            buckets=_SECONDS,
        )
        self.duration = Histogram(
            "adapter_request_duration_seconds",
            "From a request's arrival to the end of its answer.",
            ("route", *_BY_MODEL),
            registry=registry,
            buckets=_SECONDS,
        )
        self.upstream_up = Gauge(
            "adapter_upstream_up",
            "Whether the engine answers (1) or not (0).",
            ("upstream",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.fallbacks = Counter(
            "adapter_fallbacks",
            "Requests that another upstream answered in the place of the model's own.",
            _BY_MODEL,
            registry=registry,
        )
        self.model_up = Gauge(
            "adapter_model_up",
            "Whether the model can be asked (1), or its engine is away or no longer has it (0).",
            _BY_MODEL,
            registry=registry,
            multiprocess_mode="livemax",
        )
        self.rolled_back = Gauge(
            "adapter_rolled_back",
            "Whether everything is rolled back to the upstream (1) or not (0).",
            ("upstream",),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._models: set[tuple[str, str]] = set()
        Gauge(
            "adapter_build_info",
            "Always 1; the versions are in the labels.",
            ("version", "ollama_version"),
            registry=registry,
            multiprocess_mode="livemax",
        ).labels(__version__, OLLAMA_VERSION).set(1)

        # Labels are looked up once: that costs more than the counting.
        self._in_flight = functools.cache(self.in_flight.labels)
        self._requests = functools.cache(self.requests.labels)
        self._duration = functools.cache(self.duration.labels)
        self._prompt_tokens = functools.cache(self.prompt_tokens.labels)
        self._generated_tokens = functools.cache(self.generated_tokens.labels)
        self._first_token = functools.cache(self.first_token.labels)
        self._evaluation = functools.cache(self.evaluation.labels)

    def begin(self, facts: Facts) -> None:
        self._in_flight(facts.route).inc()

    def record(self, facts: Facts) -> None:
        """Counts a finished request."""
        model = (facts.model, facts.upstream)
        self._in_flight(facts.route).dec()
        self._requests(facts.route, *model, facts.outcome).inc()
        self._duration(facts.route, *model).observe(facts.total * _NS)
        if facts.prompt_tokens:
            self._prompt_tokens(*model).inc(facts.prompt_tokens)
        if facts.generated_tokens:
            self._generated_tokens(*model).inc(facts.generated_tokens)
        if facts.first_token:
            self._first_token(*model).observe(facts.first_token * _NS)
        if facts.evaluation:
            self._evaluation(*model).observe(facts.evaluation * _NS)

    def fell_back(self, model: str, upstream: str) -> None:
        self.fallbacks.labels(model, upstream).inc()

    def models_changed(self, up: Mapping[tuple[str, str], bool]) -> None:
        """Which models there are (name, upstream), and whether they can be asked."""
        for model in self._models - up.keys():
            self.model_up.labels(*model).set(False)
        for model, is_up in up.items():
            self.model_up.labels(*model).set(is_up)
        self._models |= up.keys()

    def upstream_changed(self, upstream: str, up: bool) -> None:
        self.upstream_up.labels(upstream).set(up)
