"""The command line, `python -m model`: one module for each command, whose `run` is a click command.

framework has what commands are made of, console where their words go. A command is listed in cli's table, and imported
only when it is run; those that need the server are in service.commands, of which cli knows the modules' names only.
`pack` and `train` import model.packing when they run: the serving images leave that room out, and the other commands
work there.

Imports: model, model.bundle, model.engines, model.sklearn_runtime, model.loading, model.predictor, model.onnx_export,
model.packing, model.environments, model.storage.
"""
