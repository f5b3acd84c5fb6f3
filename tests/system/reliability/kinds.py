"""The requests of the random schedule: every protocol and format, bad input and pages, as bytes."""

import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.badinput import BAD, NAMES
from tests.dialects import Dialect, Table, post
from tests.dialecttable import DIALECTS

# Two of one row, so that an answer to the wrong one shows; the largest is worth gzip.
HEIGHTS = [1, 1, 2, 7, 300, 5000]
SMALL = 10_000  # bytes: larger bad input measures the network
HEALTH = [
    "/health/ready",
    "/ping",
    "/v2/health/ready",
    "/v2/models/case/ready",
    "/v1/models/case",
    "/v1/models/case/versions/1",
]
PAGES = ["/health/live", "/", "/version", "/execution-parameters", "/v1/models", "/v2", "/v2/models/case", "/nowhere"]


def tables():
    """Return rows that no two models of iris answer alike."""
    drawn = np.random.default_rng(12)
    low, high = [4.3, 2.0, 1.0, 0.1], [7.9, 4.4, 6.9, 2.5]
    return [Table(NAMES, ["float64"] * 4, drawn.uniform(low, high, (height, 4)).tolist()) for height in HEIGHTS]


@dataclass(frozen=True)
class Kind:
    """One request; `table` is the place of its rows, `keep` takes of its answer's body what is always the same."""

    name: str
    path: str
    method: str = "GET"
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    dialect: Dialect | None = None
    table: int | None = None
    health: bool = False
    keep: Callable[[bytes], Any] = bytes

    @property
    def rows(self):
        return 0 if self.table is None else HEIGHTS[self.table]

    def content(self, request_id, *, coding="", chunked=False, wants_gzip=False):
        """Return the bytes of such a request."""
        body = {"gzip": gzip.compress, "deflate": zlib.compress}.get(coding, bytes)(self.body)
        fields = {"Host": "x", "X-Request-ID": request_id, **self.headers}
        fields |= {"Content-Encoding": coding} if coding else {}
        fields |= {"Accept-Encoding": "gzip"} if wants_gzip else {}
        fields |= {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
        if chunked:
            pieces = [body[start : start + 1000] for start in range(0, len(body), 1000)]
            body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def native(name, say, read):
    return Dialect(
        name, "native", lambda table: post("/predict", say(table)), read, most_rows=1 if read is read_one else None
    )


def read_one(body, _):
    document = json.loads(body)
    return [document["prediction"]], None


def read_many(body, _):
    document = json.loads(body)
    return document["predictions"], document["probabilities"]


NATIVE = [
    native("a row", lambda table: {"features": table.rows[0]}, read_one),
    native("a row by name", lambda table: {"features": table.objects[0]}, read_one),
    native("rows", lambda table: {"instances": table.rows}, read_many),
    native("rows by name", lambda table: {"instances": table.objects}, read_many),
]


def predictions():
    """Return each dialect with each table that it can express."""
    found = []
    for place, table in enumerate(tables()):
        for dialect in [*NATIVE, *DIALECTS]:
            if dialect.can(table) and len(table.rows) <= (dialect.most_rows or len(table.rows)):
                asked = dialect.ask(table)
                name = f"{dialect.name}, table {place}"
                found.append(Kind(name, asked.path, "POST", asked.body, asked.headers, dialect, place))
    return found


def bad():
    small = [each for each in BAD if len(each.body) < SMALL]
    headers = [{"Content-Type": each.content_type} if each.content_type else {} for each in small]
    return [
        Kind(f"bad: {each.name}", each.path, each.method, each.body, fields)
        for each, fields in zip(small, headers, strict=True)
    ]


def identity(body):
    document = json.loads(body)
    return document["name"], document["version"], document["digest"]


def pages():
    """Return pages, without what changes with time."""
    return [
        *(Kind(f"GET {path}", path, health=True) for path in HEALTH),
        *(Kind(f"GET {path}", path) for path in PAGES),
        Kind("GET /model", "/model", keep=identity),
        Kind("GET /metrics", "/metrics", keep=lambda body: body[:6]),
        Kind(
            "GET /v2/models/stats", "/v2/models/stats", keep=lambda body: json.loads(body)["model_stats"][0]["version"]
        ),
    ]


def all_kinds():
    return [*predictions(), *bad(), *pages()]
