"""The process tree: gunicorn's master and workers, connections, HTTP, WSGI. Knows no model and no Flask.

Imports: service.errors, service.config, service.incoming, service.process_table, service.tracing.
"""
