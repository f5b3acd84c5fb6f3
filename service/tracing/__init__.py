"""Traces: the W3C trace context of a request, and its spans if OpenTelemetry is configured.

Only `otel` imports OpenTelemetry, and only `configuration` imports `otel`, if the environment asks for spans.

Imports: service.
"""
