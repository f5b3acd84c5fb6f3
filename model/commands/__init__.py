"""The command line, `python -m model`: one module for each command, whose `run` is a click command.

framework and options have the parts that commands share, and console prints their output. cli's table lists the
commands, and each is imported only when it is run. Commands that need the server are in service.commands; cli only has
the names of their modules. `pack` and `train` import model.packing when they run, because the serving images leave that
room out, and the other commands work there.

Imports: model, model.bundle, model.engines, model.sklearn_runtime, model.loading, model.predictor, model.onnx_export,
model.packing, model.environments, model.storage.
"""
