"""Fetches a bundle from object storage, a web server, a folder or an MLflow registry.

Here: the kinds of places, and fetching from any of them, which is bounded, resumed, checked, and puts the bundle in
place whole. The client of object storage (the extra `storage`) is imported only for a URI that needs it, and only in a
process that does not fork later, because it has threads.

Imports: model, model.bundle.
"""
