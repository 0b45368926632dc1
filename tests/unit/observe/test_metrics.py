from __future__ import annotations

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from adapter import OLLAMA_VERSION, __version__
from adapter.observe.facts import Facts
from adapter.observe.metrics import Metrics

SECOND = 10**9
MODEL = {"model": "nat:latest", "upstream": "llm"}
LABELS = {"route", "model", "upstream", "outcome", "version", "ollama_version", "le"}


def facts(**more: object) -> Facts:
    given = {"request_id": "id", "method": "POST", "route": "/api/chat", "started": 0}
    return Facts(**(given | MODEL | more))


def recorded(*requests: Facts) -> Metrics:
    metrics = Metrics()
    for request in requests:
        metrics.begin(request)
        metrics.record(request)
    metrics.upstream_changed("llm", True)
    return metrics


FULL = facts(
    outcome="ok",
    prompt_tokens=7,
    generated_tokens=3,
    first_token=SECOND // 4,
    evaluation=2 * SECOND,
    total=3 * SECOND,
)


def families(metrics: Metrics) -> list:
    text = generate_latest(metrics.registry).decode()
    return list(text_string_to_metric_families(text))


def test_one_request_in_every_metric():
    value = recorded(FULL, FULL).registry.get_sample_value
    by_route = {"route": "/api/chat"}
    assert value("adapter_requests_total", MODEL | by_route | {"outcome": "ok"}) == 2
    assert value("adapter_requests_in_flight", by_route) == 0
    assert value("adapter_prompt_tokens_total", MODEL) == 14
    assert value("adapter_generated_tokens_total", MODEL) == 6
    assert value("adapter_time_to_first_token_seconds_sum", MODEL) == pytest.approx(0.5)
    assert value("adapter_evaluation_duration_seconds_sum", MODEL) == pytest.approx(4)
    assert value("adapter_request_duration_seconds_sum", MODEL | by_route) == pytest.approx(6)
    assert value("adapter_upstream_up", {"upstream": "llm"}) == 1
    versions = {"version": __version__, "ollama_version": OLLAMA_VERSION}
    assert value("adapter_build_info", versions) == 1


def test_in_flight_rises_and_returns_to_nothing():
    metrics = Metrics()
    requests = [facts(), facts(outcome="client_gone"), facts(outcome="upstream_fault")]
    for number, request in enumerate(requests, 1):
        metrics.begin(request)
        sample = metrics.registry.get_sample_value(
            "adapter_requests_in_flight", {"route": "/api/chat"}
        )
        assert sample == number
    for request in requests:
        metrics.record(request)
    in_flight = metrics.registry.get_sample_value(
        "adapter_requests_in_flight", {"route": "/api/chat"}
    )
    assert in_flight == 0


def test_what_did_not_happen_is_not_counted():
    metrics = recorded(facts(outcome="refused", total=1))
    seen = {sample.name for family in families(metrics) for sample in family.samples}
    assert not {name for name in seen if "token" in name or "evaluation" in name}


def test_an_engine_that_goes_and_comes():
    metrics = Metrics()
    for up in (True, False, True):
        metrics.upstream_changed("llm", up)
        assert metrics.registry.get_sample_value("adapter_upstream_up", {"upstream": "llm"}) == up


def test_names_follow_the_rules_of_prometheus():
    for family in families(recorded(FULL)):
        assert family.name.startswith("adapter_")
        assert family.documentation.endswith(".")
        if family.type == "histogram":
            assert family.name.endswith("_seconds")
        for sample in family.samples:
            assert (family.type == "counter") == sample.name.endswith("_total")
            assert not sample.name.endswith("_created")


def test_labels_are_of_a_bounded_set():
    for family in families(recorded(FULL)):
        for sample in family.samples:
            assert set(sample.labels) <= LABELS


def test_the_ids_and_errors_of_clients_are_in_no_label():
    secret = facts(request_id="made-up", error="made-up", method="MADE-UP")
    assert b"made-up" not in generate_latest(recorded(secret).registry).lower()


def test_two_applications_share_nothing():
    one, other = recorded(FULL), Metrics()
    assert one.registry.get_sample_value("adapter_prompt_tokens_total", MODEL) == 7
    assert other.registry.get_sample_value("adapter_prompt_tokens_total", MODEL) is None


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_model_that_went_away_counts_as_away():
    metrics = Metrics()
    metrics.models_changed({("m", "llm"): True, ("n", "llm"): False})
    assert sample(metrics, "adapter_model_up", model="m", upstream="llm") == 1
    assert sample(metrics, "adapter_model_up", model="n", upstream="llm") == 0
    metrics.models_changed({("n", "llm"): True})
    assert sample(metrics, "adapter_model_up", model="m", upstream="llm") == 0
    assert sample(metrics, "adapter_model_up", model="n", upstream="llm") == 1


def test_fallbacks_are_counted():
    metrics = Metrics()
    metrics.fell_back("m", "phase1")
    metrics.fell_back("m", "phase1")
    assert sample(metrics, "adapter_fallbacks_total", model="m", upstream="phase1") == 2
