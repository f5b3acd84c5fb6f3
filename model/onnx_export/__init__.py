"""Compiles fitted estimators to ONNX graphs in double precision, and verifies that these give the same answers.

Imports: model, model.bundle, model.engines, model.sklearn_runtime, model.loading.
"""
