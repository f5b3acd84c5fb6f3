"""Print the custom resource definitions of KServe, made of the classes of its SDK: members and their types."""

import json
import re

import kserve
from kubernetes import client

SCALARS = {"str": "string", "int": "integer", "bool": "boolean", "float": "number", "datetime": "string"}
KINDS = {"V1alpha1ServingRuntime": "servingruntimes", "V1beta1InferenceService": "inferenceservices"}


def structural(kind):
    """Return the schema of a type as the SDK writes it; what may be anything is free."""
    if container := re.fullmatch(r"[Ll]ist\[(.*)\]", kind):
        return {"type": "array", "items": structural(container[1])}
    if container := re.fullmatch(r"[Dd]ict[\[(]str, (.*)[\])]", kind):
        return {"type": "object", "additionalProperties": structural(container[1])}
    if kind in SCALARS:
        return {"type": SCALARS[kind]}
    found = getattr(kserve, kind, None) or getattr(client, kind, None)
    if not found or not getattr(found, "openapi_types", None):
        return {"x-kubernetes-preserve-unknown-fields": True}
    return {"type": "object", "properties": members(found)}


def members(kind):
    return {name: structural(kind.openapi_types[attribute]) for attribute, name in kind.attribute_map.items()}


def definition(name, plural):
    """Return the definition of a kind."""
    version, kind = re.fullmatch(r"(V1[a-z]+1)(.*)", name).groups()
    properties = members(getattr(kserve, name)) | {"metadata": {"type": "object"}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.serving.kserve.io"},
        "spec": {
            "group": "serving.kserve.io",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [
                {
                    "name": version.lower(),
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
                }
            ],
        },
    }


print(json.dumps([definition(*names) for names in KINDS.items()]))
