"""The commands that need the server: one module for each, as in model.commands, imported only when it is run.

Other programs of the command line, such as companion and score_batches, are here, too.

model.commands.cli lists them.

Imports: model, model.bundle, model.commands, model.loading, model.predictor, model.storage, service, service.errors,
service.config, service.serving, service.scoring, service.replay.
"""
