"""Metrics and logs: what is counted, measured and logged, and how it is written.

Imports: model, model.loading, service, service.drift, service.errors, service.formats, service.process_table,
service.protocols, service.serving, service.tracing.
"""
