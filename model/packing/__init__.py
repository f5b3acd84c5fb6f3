"""Packs a fitted estimator and what its training data say into a bundle. The serving images leave this folder out.

Imports: model, model.bundle, model.engines, model.sklearn_runtime, model.loading, model.onnx_export.
"""
