"""Bodies that stand for much work or memory, in every format; and what any body may cost.

Each is asked in process and, wrapped in each way, of a real server. Nothing of the product is imported here.
"""

import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests import amplifiedbinary, amplifiedtexts
from tests.amplifiedarrow import ARROW
from tests.arrowlies import as_file
from tests.dialects import NPY as NPY_KIND
from tests.dialecttable import INVOCATIONS

TIMES = 4  # that a body is asked until it costs little enough: a CPU that others use is slower
STREAM, FILE = (f"application/vnd.apache.arrow.{kind}" for kind in ("stream", "file"))
WRAPPED: dict[str, Callable[[bytes], bytes]] = {
    "": lambda body: body,
    "gzip": lambda body: gzip.compress(body, 1),
    "deflate": lambda body: zlib.compress(body, 1),
}


def most_memory(size: int) -> int:
    """Return the bytes that a request may take whose body has so many, unpacked."""
    return 32 * size + 2**24


def most_seconds(size: int) -> float:
    """Return the seconds of one CPU that it may take; half a second is there for any request, and for noise."""
    return 0.5 + 2 * size / 2**24


@dataclass(frozen=True, eq=False)
class Case:
    """One body; `expected` is the code of the error that it must get, or the number of predictions, or either."""

    name: str
    victim: str
    path: str
    make: Callable[[], Any]
    expected: tuple[str | int, ...]
    headers: dict[str, str] = field(default_factory=dict)

    def build(self) -> tuple[bytes, dict[str, str]]:
        """Return the body and the headers."""
        made = self.make()
        body, more = made if isinstance(made, tuple) else (made, {})
        return body, {**self.headers, **more}

    def allows(self, status: int, answer: bytes) -> bool:
        """Say whether this is an answer that it may get."""
        refused = 400 <= status < 500
        return (refused or status == 200) and (
            outcome(status, answer) in self.expected or (refused and amplifiedtexts.ANY in self.expected)
        )


def outcome(status: int, answer: bytes) -> str | int:
    """Return the code of an error, or the number of predictions, in any protocol's shape."""
    found = json.loads(answer)
    if status != 200:
        said: str = found.get("code") or found.get("error") or found["message"]
        return said.partition(":")[0]
    if isinstance(found, dict) and "outputs" in found:
        first = found["outputs"][0]  # of V2 a tensor, of V1 a prediction
        return int(first["shape"][0]) if isinstance(first, dict) else len(found["outputs"])
    return len(found["predictions"] if isinstance(found, dict) else found)


def _cases(
    kind: str, table: dict[str, tuple[str, Any, Any]], path: str, member: str = "", **headers: str
) -> list[Case]:
    """Return the cases of a table, each within that member of an object if one is named."""
    return [
        Case(
            f"{kind}: {name}",
            victim,
            path.format(victim),
            amplifiedtexts.within(member, make) if member else make,
            expected if isinstance(expected, tuple) else (expected,),
            headers,
        )
        for name, (victim, make, expected) in table.items()
    ]


_FILES = {name: (victim, lambda make=make: as_file(make()), code) for name, (victim, make, code) in ARROW.items()}
_V2 = "/v2/models/{}/infer"
_JSON = {"Content-Type": "application/json"}
# Each of these is wrapped in every way; then those that are read as others of them are.
BINARY = [
    *_cases("Arrow stream", ARROW, "/predict", **{"Content-Type": STREAM}),
    *_cases("npy", amplifiedbinary.NPY, "/predict", **{"Content-Type": NPY_KIND}),
    *_cases("V2 binary", amplifiedbinary.V2, _V2),
]
LIKE_THEM = [
    *_cases("Arrow file", _FILES, "/predict", **{"Content-Type": FILE}),
    *_cases("npy invoked", amplifiedbinary.NPY, INVOCATIONS, **{"Content-Type": NPY_KIND}),
]
TEXTUAL = [
    *(
        case
        for protocol, (path, member) in amplifiedtexts.PROTOCOLS.items()
        for case in _cases(protocol, amplifiedtexts.INSTEAD, path, member, **_JSON)
    ),
    *_cases("SageMaker", amplifiedtexts.INSTEAD, INVOCATIONS, **_JSON),
    *_cases("V2", amplifiedtexts.V2, _V2, **_JSON),
    *_cases("MLflow split", amplifiedtexts.SPLIT, INVOCATIONS, "dataframe_split", **_JSON),
    *_cases("Azure split", amplifiedtexts.SPLIT, "/score", "input_data", **_JSON),
    *_cases("JSON Lines", amplifiedtexts.LINES, INVOCATIONS, **{"Content-Type": "application/jsonlines"}),
    *_cases("CSV", amplifiedtexts.CSV, "/predict", **{"Content-Type": "text/csv"}),
    *_cases("CSV invoked", amplifiedtexts.CSV, INVOCATIONS, **{"Content-Type": "text/csv"}),
]
