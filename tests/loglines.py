"""Lines of the prediction log, checked: strict JSON without control characters, and as the published schema says.

`python -m tests.loglines` writes the schema.
"""

import functools
import json
import unicodedata

import jsonschema_rs

from tests.conftest import ROOT
from tests.log_schema import json_schema

SCHEMA = ROOT / "docs" / "prediction-log.schema.json"


def schema_text() -> str:
    return json.dumps(json_schema(), indent=2) + "\n"


@functools.cache
def validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(SCHEMA.read_text()), validate_formats=True)


def refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def read(line: bytes):
    """Return what a line of any format holds; raises ValueError unless it is strict JSON on one printable line."""
    if not line.endswith(b"\n"):
        raise ValueError("the line has no end")
    text = line.decode()[:-1]
    if not text.isascii() and (strange := {unicodedata.category(each) for each in text} & {"Cc", "Cf", "Zl", "Zp"}):
        raise ValueError(f"the line has characters of {strange}")
    if text.isascii() and not text.isprintable():
        raise ValueError("the line has control characters")
    return json.loads(text, parse_constant=refuse)


def faults(line: bytes, *, native: bool = True) -> list[str]:
    """Return what is wrong with a line; those of other formats have no schema here."""
    try:
        found = read(line)
        errors = validator().iter_errors(found) if native else ()
        return [f"{error.message} at {error.instance_path}: {line[:500]!r}" for error in errors]
    except ValueError as error:
        return [f"{error}: {line[:500]!r}"]


if __name__ == "__main__":
    SCHEMA.write_text(schema_text())
