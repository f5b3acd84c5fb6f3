"""Recomputes the predictions of a prediction log, and compares them with what was answered.

Imports: model, model.bundle, model.predictor, service.errors, service.formats, service.protocols, service.serving,
service.validation.
"""
