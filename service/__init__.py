"""How a model is served.

Imports: nothing.
"""

# As pyproject.toml has it; said where a protocol asks for the server's own version.
VERSION = "0.1.0"
