"""The command line, `python -m model`: one module for each command, with its HELP, add_arguments and run.

`pack` and `train` import model.packing when they run: the serving images leave that room out, and the other commands
work there.

Imports: model, model.bundle, model.engines, model.sklearn_runtime, model.loading, model.predictor, model.onnx_export,
model.packing, model.environments.
"""
