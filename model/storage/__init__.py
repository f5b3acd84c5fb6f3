"""Fetching a bundle from where others put it: object storage, a web server, a folder, an MLflow registry.

Here belong the kinds of places, and how a bundle is taken from any of them: bounded, resumed, checked, put in place
whole. The client of object storage (the extra `storage`) is imported only for a URI that needs it, and only in a
process that forks no more: it has threads.

Imports: model, model.bundle.
"""
