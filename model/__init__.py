"""What a model is: no Flask, no marshmallow, no Prometheus, no environment."""

from typing import Any


def pack(estimator: Any, output: Any, **options: Any) -> Any:
    """Write a fitted estimator as a bundle; see model.packing.pack, which this is, imported when it is called."""
    from model import packing  # noqa: PLC0415  # serving imports this package and not that module

    return packing.pack(estimator, output, **options)
