"""Drift: how rows and answers of a sliding window differ from the training data.

Here: the window, the figures, their limits. Not here: HTTP, metrics.

Imports: model, model.bundle, service.config, service.protocols, service.serving.
"""
