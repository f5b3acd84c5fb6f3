"""The pages for people: their view data as frozen dataclasses, their templates, and their static files.

Here: view data, Jinja2 templates, CSS and ES modules (no build step). Not here: Flask; the routes are in service.http.

Imports: model, model.bundle, service.errors, service.formats, service.serving.
"""
