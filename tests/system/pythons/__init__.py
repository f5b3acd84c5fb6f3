"""The other versions of Python, and the other processors, that the pinned packages are for."""
