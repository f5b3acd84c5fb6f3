"""Check custom resources strictly against their published schemas. Argument: a file, a JSON list of documents.

The schemas are those that cloudcoil's packages are generated from; members that a schema does not name are refused.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

MODULES = {
    "keda.sh/v1alpha1": "keda.v1alpha1",
    "monitoring.coreos.com/v1": "prometheus_operator.v1",
    "serving.knative.dev/v1": "knative_serving.serving.v1",
}


def strict_schema(document):
    """Return the JSON Schema of the document's kind, in which no object has further members."""
    module = import_module(f"cloudcoil.models.{MODULES[document['apiVersion']]}")
    schema = getattr(module, document["kind"]).model_json_schema()
    for each in (schema, *schema["$defs"].values()):
        if each.get("properties"):
            each["additionalProperties"] = False
    return schema


def fault(document):
    """Return what is wrong with a document, or nothing."""
    error = best_match(Draft202012Validator(strict_schema(document)).iter_errors(document))
    return error and f"{error.json_path}: {error.message}"


print(json.dumps([fault(each) for each in json.loads(Path(sys.argv[1]).read_text())]))
