"""The OpenAPI document of the served model: made of what protocols say of their routes, and of the tables.

Not here: Flask; and what bodies look like, which each protocol says itself (service.protocols.description).

Imports: model, model.bundle, model.loading, service, service.errors, service.config, service.validation,
service.formats, service.protocols, service.serving, service.tracing.
"""
