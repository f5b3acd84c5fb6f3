"""The model that is served: loading and replacing it, watching its directory, admission to it.

Imports: model, model.bundle, model.loading, model.predictor, model.storage, service.errors, service.config,
service.process_table, service.validation, service.formats, service.protocols.
"""
