"""From a fitted estimator and its training data to a bundle. The serving images leave this folder out.

Imports: model, model.bundle, model.engines, model.sklearn_runtime, model.loading, model.onnx_export.
"""
