"""The Flask application: routes, authentication, responses. No other room imports Flask.

Imports: model, service, service.errors, service.incoming, service.config, service.formats, service.protocols,
service.openapi, service.serving, service.drift, service.monitoring, service.pages, service.tracing.
"""
