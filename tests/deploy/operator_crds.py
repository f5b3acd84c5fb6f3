"""Print the custom resource definitions of other operators, made of the schemas that cloudcoil's packages hold."""

import json
from importlib import import_module

# The kind, its name in paths, and the module of its model.
KINDS = {
    "ScaledObject": ("scaledobjects", "keda.sh", "keda.v1alpha1"),
    "PrometheusRule": ("prometheusrules", "monitoring.coreos.com", "prometheus_operator.v1"),
    "ServiceMonitor": ("servicemonitors", "monitoring.coreos.com", "prometheus_operator.v1"),
    "Service": ("services", "serving.knative.dev", "knative_serving.serving.v1"),
}
KEPT = ("type", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "required", "format")


def structural(schema, known):
    """Return the schema as Kubernetes takes it: no references, no null, and no unions but of integer and string."""
    if "$ref" in schema:
        return structural(known[schema["$ref"].rpartition("/")[2]], known)
    if "anyOf" in schema:
        variants = [structural(each, known) for each in schema["anyOf"] if each.get("type") != "null"]
        assert len(variants) == 1 or {"integer", "string"} == {each["type"] for each in variants}, schema
        return variants[0] if len(variants) == 1 else {"x-kubernetes-int-or-string": True}
    kept = {name: schema[name] for name in KEPT if name in schema}
    if "properties" in schema:
        kept["properties"] = {name: structural(each, known) for name, each in schema["properties"].items()}
    if "items" in schema:
        kept["items"] = structural(schema["items"], known)
    if isinstance(schema.get("additionalProperties"), dict):
        kept["additionalProperties"] = structural(schema["additionalProperties"], known)
    free = "type" not in kept or (kept["type"] == "object" and not {"properties", "additionalProperties"} & kept.keys())
    return kept | {"x-kubernetes-preserve-unknown-fields": True} if free else kept


def definition(kind, plural, group, module):
    """Return the definition of a kind."""
    schema = getattr(import_module(f"cloudcoil.models.{module}"), kind).model_json_schema()
    # Kubernetes has its own schemas of the first three.
    members = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
    members |= {
        name: structural(each, schema["$defs"]) for name, each in schema["properties"].items() if name not in members
    }
    openapi = {"type": "object", "properties": members, "required": schema.get("required", [])}
    version = {
        "name": module.rpartition(".")[2],
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": openapi},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "versions": [version],
        },
    }


print(json.dumps([definition(kind, *names) for kind, names in KINDS.items()]))
