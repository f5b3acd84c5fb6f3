"""Converts bytes to plain values and arrays, and back: JSON, CSV, .npy, Arrow, content encodings, media types.

Not here: what a request means. No I/O, no clock, no metrics.

Imports: model, service.errors, service.config, service.validation.
"""
