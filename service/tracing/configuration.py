"""Decides by OpenTelemetry's own environment variables whether spans are made, and creates the tracer."""

import logging
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Final

from service.tracing.request_span import Tracer

logger = logging.getLogger(__name__)
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
INSTALL: Final = "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
_GROUP: Final = "opentelemetry_traces_exporter"  # the entry points of packages with exporters
_OTLP: Final = {"http/protobuf": "otlp_proto_http", "http/json": "otlp_proto_http", "grpc": "otlp_proto_grpc"}


def is_configured(environ: Mapping[str, str]) -> bool:
    """Return whether the environment asks for spans: by an exporter's name, or by a collector's address."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    names = environ.get("OTEL_TRACES_EXPORTER", "").strip()
    return names.lower() != "none" if names else any(environ.get(name) for name in ENDPOINTS)


def tracer_of(environ: Mapping[str, str], count: Callable[[str, int], object]) -> Tracer | None:
    """Return the tracer, which reports the outcomes of spans to `count`; None if spans are not wanted or not possible.

    OpenTelemetry is imported only if spans are wanted. Errors in its settings are logged, and the server starts anyway.
    """
    if not is_configured(environ):
        return None
    try:
        from service.tracing.otel import OpenTelemetryTracer  # noqa: PLC0415  # only where it is asked for
    except ImportError as error:
        logger.warning("no spans are sent, for OpenTelemetry cannot be imported (%s): %s", error, INSTALL)
        return None
    exporters = []
    for name in exporter_names(environ):
        entry_point = next(iter(entry_points(group=_GROUP, name=name)), None)
        if entry_point is None:
            known = ", ".join(sorted({each.name for each in entry_points(group=_GROUP)})) or "none"
            logger.warning("no spans are sent to %r: no such exporter is installed (those that are: %s)", name, known)
            continue
        try:
            exporters.append(entry_point.load())
        except Exception as error:  # noqa: BLE001  # of a package that is not ours
            logger.warning("no spans are sent to %r: it cannot be imported: %s", name, error)
    propagators = environ.get("OTEL_PROPAGATORS", "tracecontext")
    if "tracecontext" not in propagators:
        logger.warning("OTEL_PROPAGATORS=%s is not heeded: the trace is read from traceparent", propagators)
    return OpenTelemetryTracer(exporters, _queue_size(environ), count) if exporters else None


def exporter_names(environ: Mapping[str, str]) -> list[str]:
    """Return the names of the exporters as their packages register them."""
    names = [each.strip() for each in environ.get("OTEL_TRACES_EXPORTER", "otlp").split(",") if each.strip()]
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    otlp = _OTLP.get(protocol or "http/protobuf", "otlp_proto_http")
    return [otlp if name == "otlp" else name for name in names or ["otlp"]]


def _queue_size(environ: Mapping[str, str]) -> int:
    """Return how many spans may wait to be sent."""
    given = environ.get("OTEL_BSP_MAX_QUEUE_SIZE", "").strip()
    return int(given) if given.isdecimal() and int(given) > 0 else 2048
