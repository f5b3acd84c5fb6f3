"""What is counted, timed and logged, and where it is written.

Imports: model, model.loading, service.errors, service.config, service.formats, service.protocols, service.serving.
"""
