"""What a model is: no Flask, no marshmallow, no Prometheus, no environment.

The files of this folder are the vocabulary: signature, errors, prediction, outputs, columns, steps and the search for
a refused cell. They import nothing of ours but each other, except loading and predictor, whose docstrings say what they
import.

Imports: nothing.
"""

from typing import Any


def pack(estimator: Any, output: Any, **options: Any) -> Any:
    """Write a fitted estimator as a bundle; see model.packing.pack, which is imported when this is called."""
    from model.packing import pack as packing  # noqa: PLC0415  # the server imports this package, but not that module

    return packing.pack(estimator, output, **options)
