"""Scores files of any size in bounded memory, on all cores: the same readers, model and writers as `/predict`.

`Scorer` is the core: a batch of rows in one format in, predictions out. The rest cuts a file into batches, has forked
processes score them, and writes the results in order, so that an interrupted run can go on.

Not here: HTTP, the process tree of the server, the command line.

Imports: model, model.loading, model.predictor, service, service.errors, service.validation, service.formats,
service.protocols, service.serving.
"""
