"""Bodies that stand for much work or memory, in every format; and what any body may cost.

Each is asked in process and, wrapped in each way, of a real server. Nothing of the product is imported here.
"""

import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.amplifiedarrow import ARROW
from tests.amplifiedbinary import NPY, V2
from tests.arrowlies import as_file
from tests.dialects import NPY as NPY_KIND
from tests.dialecttable import INVOCATIONS

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
    """Return the seconds of one CPU that it may take; a quarter is there for any request, and for noise."""
    return 0.25 + 2 * size / 2**24


@dataclass(frozen=True)
class Case:
    """One body; `expected` is the code of the error that it must get, or the number of predictions."""

    name: str
    victim: str
    path: str
    make: Callable[[], Any]
    expected: str | int
    headers: dict[str, str] = field(default_factory=dict)

    def build(self) -> tuple[bytes, dict[str, str]]:
        """Return the body and the headers."""
        made = self.make()
        body, more = made if isinstance(made, tuple) else (made, {})
        return body, {**self.headers, **more}


def outcome(status: int, answer: bytes) -> str | int:
    """Return the code of an error, or the number of predictions, in any protocol's shape."""
    found = json.loads(answer)
    if status != 200:
        said: str = found.get("code") or found.get("error") or found["message"]
        return said.partition(":")[0]
    if isinstance(found, dict) and "outputs" in found:
        return int(found["outputs"][0]["shape"][0])
    return len(found["predictions"] if isinstance(found, dict) else found)


def _cases(kind: str, table: dict[str, tuple[str, Any, str | int]], path: str, **headers: str) -> list[Case]:
    return [
        Case(f"{kind}: {name}", victim, path.format(victim), make, expected, headers)
        for name, (victim, make, expected) in table.items()
    ]


_FILES = {name: (victim, lambda make=make: as_file(make()), code) for name, (victim, make, code) in ARROW.items()}
BINARY = [
    *_cases("Arrow stream", ARROW, "/predict", **{"Content-Type": STREAM}),
    *_cases("Arrow file", _FILES, "/predict", **{"Content-Type": FILE}),
    *_cases("npy", NPY, "/predict", **{"Content-Type": NPY_KIND}),
    *_cases("npy invoked", NPY, INVOCATIONS, **{"Content-Type": NPY_KIND}),
    *_cases("V2 binary", V2, "/v2/models/{}/infer"),
]
