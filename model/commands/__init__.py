"""The command line, `python -m model`: one module for each command.

Imports: model, model.bundle, model.engines, model.sklearn_runtime, model.loading, model.predictor, model.onnx_export,
model.packing.
"""
