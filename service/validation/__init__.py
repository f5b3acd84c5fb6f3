"""From cells, rows and columns to the arrays that a model takes, or to the list of what is wrong with them.

Not here: how bytes are parsed, and protocols.

Imports: model, service.errors, service.config.
"""
