"""Traces: the W3C trace context of a request, and its spans, where OpenTelemetry is configured.

Only `otel` imports OpenTelemetry, and nothing imports it but `configuration`, where the environment asks for spans.

Imports: service.
"""
