"""How a model is served."""

from typing import Final

# As pyproject.toml has it; said where a protocol asks for the server's own version.
VERSION: Final = "0.1.0"
