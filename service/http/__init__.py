"""The routes. Flask lives here only.

Imports: model, model.bundle, service.errors, service.config, service.formats, service.protocols, service.serving,
service.monitoring.
"""
