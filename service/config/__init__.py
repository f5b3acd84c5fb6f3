"""What configures a server and what its machine allows: settings, platforms, limits, directories for temporary files.

Also the report of a start that fails. Not here: anything that needs a library.

Imports: model, model.storage.
"""
