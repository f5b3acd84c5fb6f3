"""Makes isolated environments of other scikit-learn versions from pinned packages.

Not here: anything that needs more than Python itself. A version's pins (`1.6.txt`) replace those of the same packages
in requirements-train.txt for packing, and in requirements.txt for serving. `make lock` writes them (lock.py).

Imports: model.
"""
