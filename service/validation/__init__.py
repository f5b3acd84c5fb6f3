"""Turns cells, rows and columns into the arrays that a model takes, or lists what is wrong with them.

Not here: parsing of bytes, and protocols.

Imports: model, service.errors, service.config.
"""
