"""Checks an OpenAPI document: as such, each schema in it, and each example against its schema. Argument: a file.

Prints how many schemas and examples there are, and what is wrong.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

URI = "urn:document"
document = json.loads(Path(sys.argv[1]).read_text())
# The document as such is no schema: what a pointer into it finds is.
registry = Registry().with_resource(URI, DRAFT202012.create_resource(document))


def escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1").replace("%", "%25")


def parts(value: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each object outside schemas and examples, with the pointer to it."""
    if isinstance(value, dict):
        yield pointer, value
        for name, member in value.items():
            if name not in ("schema", "schemas", "example", "examples"):
                yield from parts(member, f"{pointer}/{escaped(name)}")
    elif isinstance(value, list):
        for place, member in enumerate(value):
            yield from parts(member, f"{pointer}/{place}")


def examples_of(part: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the examples of a media type, parameter or header, by where they stand."""
    if "example" in part:
        yield "example", part["example"]
    for name, example in part.get("examples", {}).items():
        yield f"examples/{name}", example["value"]


def check_examples(pointer: str, schema: Any) -> Iterator[str]:
    """Check the examples in a schema."""
    for name, member in schema.items() if isinstance(schema, dict) else ():
        if name == "examples":
            for example in member:
                yield from check_example(pointer, example, pointer)
        elif name in ("properties", "$defs"):
            for each, property_ in member.items():
                yield from check_examples(f"{pointer}/{name}/{escaped(each)}", property_)
        elif name in ("items", "additionalProperties"):
            yield from check_examples(f"{pointer}/{name}", member)
        elif name in ("anyOf", "oneOf", "allOf", "prefixItems"):
            for place, each in enumerate(member):
                yield from check_examples(f"{pointer}/{name}/{place}", each)


checked = []


def check_example(pointer: str, example: Any, schema: str) -> Iterator[str]:
    """Check an example against the schema at a pointer."""
    checked.append(pointer)
    validator = Draft202012Validator({"$ref": f"{URI}#{schema}"}, registry=registry)
    if error := best_match(validator.iter_errors(example)):
        yield f"{pointer}: {error.json_path}: {error.message[:300]}"


faults = [f"{error.json_path}: {error.message[:300]}" for error in OpenAPIV31SpecValidator(document).iter_errors()]
schemas = [
    (f"{pointer}/schemas/{escaped(name)}", schema)
    for pointer, part in parts(document)
    for name, schema in part.get("schemas", {}).items()
] + [(f"{pointer}/schema", part["schema"]) for pointer, part in parts(document) if "schema" in part]
of_schemas = Draft202012Validator(Draft202012Validator.META_SCHEMA)
for pointer, schema in schemas:
    faults += [f"{pointer}: {error.message}" for error in of_schemas.iter_errors(schema)]
    faults += check_examples(pointer, schema)
for pointer, part in parts(document):
    for name, example in examples_of(part) if "schema" in part else ():
        faults += check_example(f"{pointer}/{name}", example, f"{pointer}/schema")
print(json.dumps({"schemas": len(schemas), "examples": len(checked), "faults": faults}))
