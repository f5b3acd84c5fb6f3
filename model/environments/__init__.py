"""Isolated environments of other scikit-learn versions, from pinned packages: which there are, and making them.

Not here: anything that needs more than Python itself. A version's pins (`1.6.txt`) take the place of the same packages
in requirements-train.txt to pack, and in requirements.txt to serve. `make lock` writes them (lock.py).

Imports: model.
"""
