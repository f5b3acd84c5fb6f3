"""Splines are stored in another way since scipy 1.18; both ways are checked before compiled code reads their arrays."""

import json

import numpy as np
import pytest
import scipy
from scipy.interpolate import BSpline
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from model.errors import BundleCorrupt, ModelError, VersionMismatch
from model.loading import load, verify
from model.packing.pack import pack
from model.sklearn_runtime import skops_io
from model.sklearn_runtime.array_audit import audit_arrays
from tests.unit.test_skops_states import array, crafted, found

ROWS, LABELS = load_iris(return_X_y=True)
NEWER = hasattr(BSpline, "__setstate__")
HOLDER = "_BSpline" if NEWER else "BSpline"  # the class whose attributes are the knots and the coefficients
STORED = "" if NEWER else "_"  # of their names


def number(value):
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(value),
        "is_json": True,
    }


def attributes(**changes):
    """Change attributes of the first spline of a file."""
    return lambda schema: found(schema, HOLDER)["content"]["content"].update(changes)


def knots(name):
    return attributes(**{f"{STORED}t": array(name)})


def coefficients(name):
    return attributes(**{f"{STORED}c": array(name)})


def laid_flat(schema):
    """Have a function of the file give one row of coefficients as many items as there must be rows."""
    coefficients("row.npy")(schema)
    attributes(_asarray={"__class__": "ravel", "__module__": "numpy", "__loader__": "FunctionNode"})(schema)


def alone(schema):
    """Put what holds the knots, with more of them than there are, in the place of the spline."""
    spline, holder = found(schema, "BSpline"), dict(found(schema, HOLDER))
    attributes(k=number(10**6))(schema)
    spline.clear()
    spline.update(holder)


def nested(schema):
    """Put a spline in the place of what a spline holds."""
    spline = found(schema, "BSpline")
    spline["content"] = {
        "__class__": "tuple",
        "__module__": "builtins",
        "__loader__": "TupleNode",
        "content": [dict(spline), array("none.npy")],
    }


CRAFTED = {
    "a degree of more knots than there are": attributes(k=number(10**6)),
    "a degree beyond every integer of a processor": attributes(k=number(10**30)),
    "a degree below zero": attributes(k=number(-1)),
    "a degree that is no integer": attributes(k=number(3.5)),
    "a degree that is an array": attributes(k=array("none.npy")),
    "no knots": knots("none.npy"),
    "knots in two dimensions": knots("square.npy"),
    "knots that are a number": knots("one.npy"),
    "no coefficients": coefficients("none.npy"),
    "coefficients that are a number": coefficients("one.npy"),
    "coefficients that a function lays flat": laid_flat,
    "no attributes": lambda schema: found(schema, HOLDER)["content"]["content"].clear(),
    "no state": lambda schema: found(schema, HOLDER).pop("content"),
    "no spline around the knots": alone,
    "a spline in a spline": nested,
}
ARRAYS = {"none": np.empty(0), "one": np.float64(1), "row": np.ones((1, 49)), "square": np.ones((20, 20))}


@pytest.fixture(scope="module")
def content():
    """Return a file with splines, as skops writes it with the scipy that is here."""
    return skops_io.skops.io.dumps(SplineTransformer().fit(ROWS))


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
def test_a_model_with_splines_is_packed_and_predicts_the_same(tmp_path, extrapolation):
    """A pipeline with splines is packed and loaded again, with whatever scipy is installed."""
    estimator = make_pipeline(SplineTransformer(extrapolation=extrapolation), LogisticRegression(max_iter=1000))
    pack(estimator.fit(ROWS, LABELS), tmp_path / "model", name="splines", data=ROWS)
    loaded = load(tmp_path / "model")

    verify(loaded)
    found = loaded.engine.predict(ROWS, [])
    np.testing.assert_array_equal(found.probabilities, estimator.predict_proba(ROWS))


@pytest.mark.parametrize("name", CRAFTED)
def test_a_spline_that_would_be_read_beyond_its_arrays_is_refused(content, name):
    """Knots and coefficients that do not fit the degree are refused, whichever object of scipy holds them."""
    audit_arrays(skops_io.load_skops(content))

    with pytest.raises(ModelError, match=r"malformed|out of range|cannot be read|a spline that scipy"):
        audit_arrays(skops_io.load_skops(crafted(content, CRAFTED[name], **ARRAYS)))


def test_a_spline_of_another_scipy_is_refused_by_its_version(content):
    """A state that the scipy here does not read is an error that names the versions."""
    old = {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": {}, "key_types": None}
    new = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": []}
    wrote = "earlier than 1.18" if NEWER else "1.18 or later"

    with pytest.raises(VersionMismatch, match=f"scipy {wrote} wrote, but {scipy.__version__} is installed"):
        skops_io.load_skops(
            crafted(content, lambda schema: found(schema, "BSpline").update(content=old if NEWER else new))
        )


class _BSpline:
    """What scipy 1.18 keeps the knots, the coefficients and the degree of a spline in."""

    __module__ = "scipy.interpolate._bsplines"

    def __init__(self, knots, degree):
        self.t, self.c, self.k = knots, np.eye(4), degree


class NewerSpline:
    """A spline whose state is a tuple, as that of scipy 1.18."""

    __module__ = "scipy.interpolate._bsplines"

    def __init__(self, inner):
        self._inner = inner

    def __getstate__(self):
        return self._inner, np.empty(0)


NewerSpline.__name__ = "BSpline"


@pytest.mark.parametrize(
    "inner",
    [_BSpline(np.arange(8.0), 10**6), NewerSpline(_BSpline(np.arange(8.0), 3)), SplineTransformer()],
    ids=["degree", "nested", "foreign"],
)
def test_what_a_newer_spline_holds_is_checked(inner):
    """What a spline of scipy 1.18 holds must be the object meant for it, and sound."""
    audit_arrays([NewerSpline(_BSpline(np.arange(8.0), 3))])

    with pytest.raises(BundleCorrupt, match="BSpline with indices or shapes out of range"):
        audit_arrays([NewerSpline(inner)])
