"""Makes the skops file of an estimator reproducible.

skops names objects and files by memory addresses and random numbers, and its archive has dates. Here, objects and files
are numbered in the order of the schema, and have the earliest date that an archive can state.
"""

import io
import json
import zipfile
from typing import Final

from model.sklearn_runtime.skops_policy import SCHEMA, objects

_ID: Final = "__id__"


def same_bytes(content: bytes) -> bytes:
    """Return a file that skops wrote, with its objects and files numbered, and without dates."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        schema = json.loads(archive.read(SCHEMA))
        inside = {info.filename: info for info in archive.infolist() if info.filename != SCHEMA}
        ids: dict[int, int] = {}
        names: dict[str, str] = {}
        for node in objects(schema):
            if isinstance(node.get(_ID), int):
                node[_ID] = ids.setdefault(node[_ID], len(ids) + 1)
            file = node.get("file")
            if isinstance(file, str) and file in inside:
                node["file"] = names.setdefault(file, f"{len(names) + 1}.{file.rpartition('.')[2]}")
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as numbered:
            for file, name in names.items():
                numbered.writestr(zipfile.ZipInfo(name), archive.read(file), inside[file].compress_type)
            numbered.writestr(zipfile.ZipInfo(SCHEMA), json.dumps(schema, indent=2))
    return made.getvalue()
