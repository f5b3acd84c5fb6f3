"""States for compiled classes are checked before these are built: they would read beyond a short state."""

import io
import json
import zipfile

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

from model.errors import BundleCorrupt
from model.sklearn_runtime import skops_io
from model.sklearn_runtime.array_audit import audit_arrays

ROWS, LABELS = load_iris(return_X_y=True)
NONE = {"__class__": "NoneType", "__module__": "builtins", "__loader__": "JsonNode", "content": "null", "is_json": True}


def crafted(content, change, **arrays):
    """Return a skops file whose schema was changed, with some arrays more."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    change(schema)
    members["schema.json"] = json.dumps(schema).encode()
    for name, array in arrays.items():
        file = io.BytesIO()
        np.save(file, array)
        members[f"{name}.npy"] = file.getvalue()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return file.getvalue()


def found(value, name):
    """Return the first node of a class, wherever it stands."""
    if isinstance(value, dict):
        if value.get("__class__") == name:
            return value
        value = list(value.values())
    return next(filter(None, (found(each, name) for each in value)), None) if isinstance(value, list) else None


def in_state(name, change):
    return lambda schema: change(found(schema, name)["content"]["content"])


def in_arguments(change):
    return lambda schema: change(found(schema, "Tree")["__reduce__"]["args"]["content"])


def under_another_id(name, member):
    """Give a part of an object's state the id of something that was built before."""

    def change(schema):
        schema["content"]["content"] = {"first": member, **schema["content"]["content"]}
        node = found(schema, name)
        node = node["content"]["content"]["nodes"] if name == "Tree" else node["content"]
        node["__id__"] = member["__id__"] = 12345

    return change


def array(name):
    return {"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode", "type": "numpy", "file": name}


TUPLE = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [NONE]}
NEIGHBOURS = KNeighborsClassifier(algorithm="ball_tree", metric="manhattan")
FOREST = RandomForestClassifier(2, random_state=0)
BOOSTING = HistGradientBoostingClassifier(max_iter=2)
CRAFTED = {
    "a tree of neighbours without its end": (NEIGHBOURS, in_state("BallTree", lambda state: state.pop())),
    "a tree of neighbours with more": (NEIGHBOURS, in_state("BallTree", lambda state: state.append(NONE))),
    "a tree of neighbours of nothing": (NEIGHBOURS, in_state("BallTree", lambda state: state.clear())),
    "a tree of neighbours that is a list": (
        NEIGHBOURS,
        lambda schema: found(schema, "BallTree")["content"].update(__loader__="ListNode", __class__="list"),
    ),
    "a tree of neighbours that is another tuple": (NEIGHBOURS, under_another_id("BallTree", dict(TUPLE))),
    "a distance without its matrix": (NEIGHBOURS, in_state("ManhattanDistance64", lambda state: state.pop())),
    "a distance that is another tuple": (NEIGHBOURS, under_another_id("ManhattanDistance64", dict(TUPLE))),
    "a tree of more outputs than it has classes for": (
        FOREST,
        in_arguments(lambda arguments: arguments[2].update(content="1000000")),
    ),
    "a tree without outputs": (FOREST, in_arguments(lambda arguments: arguments[2].update(content="-1"))),
    "a tree whose nodes are one number": (FOREST, in_state("Tree", lambda state: state.update(nodes=array("one.npy")))),
    "a tree whose nodes are another array": (FOREST, under_another_id("Tree", array("one.npy"))),
    "a tree without nodes": (FOREST, in_state("Tree", lambda state: state.pop("nodes"))),
    "a loss with a state": (BOOSTING, lambda schema: found(schema, "CyHalfMultinomialLoss").update(content=TUPLE)),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_a_state_that_would_be_read_beyond_its_end_is_refused_before_it_is(name):
    """A state that crashes scikit-learn, now or later, is refused before skops builds anything from it."""
    estimator, change = CRAFTED[name]
    content = skops_io.skops.io.dumps(estimator.fit(ROWS, LABELS))
    audit_arrays(skops_io.load_skops(content))

    with pytest.raises(BundleCorrupt, match=r"malformed|two objects with one id|cannot be read"):
        skops_io.load_skops(crafted(content, change, one=np.float64(1)))


def test_a_file_that_is_no_archive_inside_is_refused():
    """A file that is not a valid archive inside is refused."""
    content = bytearray(skops_io.skops.io.dumps(FOREST.fit(ROWS, LABELS)))
    start = content.index(b"schema.json")
    content[start - 30 + 6] |= 1  # encrypted, by its local header
    content[content.rindex(b"schema.json") - 46 + 8] |= 1  # and by the directory

    with pytest.raises(BundleCorrupt, match="cannot be read"):
        skops_io.load_skops(bytes(content))
