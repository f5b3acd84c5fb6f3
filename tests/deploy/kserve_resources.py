"""Build KServe's resources with the classes of its SDK. Argument: a file, a JSON list of documents.

The classes are made of KServe's OpenAPI document: each knows its members and their types.
"""

import json
import re
import sys
from pathlib import Path

import kserve
from kubernetes import client

SCALARS = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object}


def built(kind, value, path):
    """Return the value as an object of that class, or raise an error that names the path."""
    if container := re.fullmatch(r"[Ll]ist\[(.*)\]", kind):
        return [built(container[1], each, f"{path}[{index}]") for index, each in enumerate(expect(list, value, path))]
    if container := re.fullmatch(r"[Dd]ict[\[(]str, (.*)[\])]", kind):
        return {name: built(container[1], each, f"{path}.{name}") for name, each in expect(dict, value, path).items()}
    if kind in SCALARS:
        return expect(SCALARS[kind], value, path)
    return composed(getattr(kserve, kind, None) or getattr(client, kind), expect(dict, value, path), path)


def expect(types, value, path):
    if not isinstance(value, types):
        raise TypeError(f"{path}: expected {types}, got {value!r}")
    return value


def composed(kind, members, path):
    attributes = {name: attribute for attribute, name in kind.attribute_map.items()}
    if unknown := members.keys() - attributes:
        raise ValueError(f"{path}: {kind.__name__} does not know {sorted(unknown)}")
    values = {
        attributes[name]: built(kind.openapi_types[attributes[name]], value, f"{path}.{name}")
        for name, value in members.items()
    }
    return kind(**values)


def fault(document):
    """Return what is wrong with a document, or nothing."""
    version = document["apiVersion"].rpartition("/")[2].capitalize()
    try:
        built(f"{version}{document['kind']}", document, "$")
    except (TypeError, ValueError) as error:
        return str(error)
    return None


print(json.dumps([fault(each) for each in json.loads(Path(sys.argv[1]).read_text())]))
