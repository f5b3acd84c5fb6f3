"""Traces: the W3C trace context of a request.

Imports: nothing.
"""
