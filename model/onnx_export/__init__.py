"""From a fitted estimator to an ONNX graph in double precision, for whatever has a compiled form.

Imports: model, model.bundle, model.engines, model.sklearn_runtime, model.loading.
"""
