"""Spans of an answer's stages for a collector of OpenTelemetry's, when one is configured.

What travels is W3C's `traceparent`, as text: a span is a child of the one it is given, and yields
its own for the engines. Nothing is kept in the context of a task, so a span may lie around the
body of a generator.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from services.errors import ConfigError


class Traces(Protocol):
    def span(
        self, name: str, parent: str = "", *, request_id: str = ""
    ) -> AbstractContextManager[str]:
        """A span around what is done within; the value is its `traceparent`.

        `request_id`: it is the whole of what somebody else asked for, under this id.
        """

    def close(self) -> None:
        """Sends what is left. It may take seconds: for a thread."""


class Untraced:
    """Whoever asked may trace: the parent goes on as it came."""

    @contextmanager
    def span(self, name: str, parent: str = "", *, request_id: str = "") -> Iterator[str]:
        yield parent

    def close(self) -> None:
        pass


class Traced:
    def __init__(self, endpoint: str, service: str) -> None:
        """`endpoint`: of OTLP over HTTP, without the path /v1/traces; `service`: our name there.

        The SDK's other variables (OTEL_EXPORTER_OTLP_HEADERS, OTEL_BSP_…, OTEL_TRACES_SAMPLER,
        OTEL_RESOURCE_ATTRIBUTES) hold as ever.

        Raises:
            ConfigError: the packages are not there.
        """
        try:
            from opentelemetry import trace
            from opentelemetry.context import Context
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        except ImportError:
            told = "OTEL_EXPORTER_OTLP_ENDPOINT: the packages of the extra `traces` are missing"
            raise ConfigError(told) from None
        named = Resource.create({"service.name": service})
        self._provider = TracerProvider(resource=named, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("services")
        self._propagator = TraceContextTextMapPropagator()
        self._trace: Any = trace
        # The context of a task is nobody's parent.
        self._nowhere = Context()

    @contextmanager
    def span(self, name: str, parent: str = "", *, request_id: str = "") -> Iterator[str]:
        trace = self._trace
        kind = trace.SpanKind.SERVER if request_id else trace.SpanKind.INTERNAL
        told = {"request.id": request_id} if request_id else None
        before = self._propagator.extract({"traceparent": parent}, self._nowhere)
        span = self._tracer.start_span(name, context=before, kind=kind, attributes=told)
        own: dict[str, str] = {}
        self._propagator.inject(own, trace.set_span_in_context(span, self._nowhere))
        try:
            yield own.get("traceparent", parent)
        except Exception as error:
            span.set_status(trace.StatusCode.ERROR, str(error))
            raise
        finally:
            span.end()

    def close(self) -> None:
        self._provider.shutdown()


def traces_to(endpoint: str, service: str) -> Traces:
    """Raises ConfigError where an endpoint is given and the packages are not there."""
    return Traced(endpoint, service) if endpoint else Untraced()
