"""Scores files of any size in bounded memory, on all cores, with the readers, model and writers of `/predict`.

`Scorer` is the core: rows in, predictions out. The rest cuts a file into batches, has forked processes score them, and
writes the results in order, so that a run that was interrupted can be resumed.

Not here: HTTP, the process tree of the server, the command line.

Imports: model, model.loading, model.predictor, service, service.errors, service.validation, service.formats,
service.protocols, service.serving.
"""
