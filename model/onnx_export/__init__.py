"""Compiles fitted estimators to ONNX graphs in double precision, and verifies that the graphs answer as they do.

Imports: model, model.bundle, model.engines, model.sklearn_runtime, model.loading.
"""
