"""What a server is told and what its machine allows: settings, platforms, limits, directories for temporary files.

Also how a start that fails says so. Not here: anything that needs a library.

Imports: model, model.storage.
"""
