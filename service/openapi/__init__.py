"""The OpenAPI document of the served model, made from each protocol's description of its routes, and from the tables.

Not here: Flask; and the schemas of bodies, which each protocol describes itself (service.protocols.description).

Imports: model, model.bundle, model.loading, service, service.errors, service.config, service.validation,
service.formats, service.protocols, service.serving, service.tracing.
"""
