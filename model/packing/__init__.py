"""Packs a fitted estimator, and facts from its training data, into a bundle. Serving images leave this folder out.

Imports: model, model.bundle, model.engines, model.sklearn_runtime, model.loading, model.onnx_export.
"""
