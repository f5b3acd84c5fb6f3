"""The protocols: each is a Codec, which turns bytes and headers into a Call, and a Prediction into bytes.

Not here: Flask, I/O, clocks, metrics. A new protocol is one module here and one entry in registry.

Imports: model, service, service.errors, service.config, service.validation, service.formats,
service.tracing.
"""
