"""JSON, JSON Lines and CSV that stand for much work or memory, as tests.amplifiedarrow has Arrow's.

`ANY` is any refusal: which it is depends on how far the body has to be read. Several are what either may be.
"""

import json

from tests.victims import ROWS, WIDE

ANY = "4xx"
WIDE_ROW = b"[" + b"0," * (len(WIDE) - 1) + b"0]"
MISTAKEN = WIDE_ROW[:-2] + b"null]"
ROW = json.dumps(ROWS["iris"]).encode()
MANY = 700_000


def listed(piece, count, *more):
    return b"[" + b",".join([*[piece] * count, *more]) + b"]"


def named(count, value=b"0"):
    """Return an object of so many names."""
    return b"{" + b",".join(b'"%x":%b' % (place, value) for place in range(count)) + b"}"


# What may stand where rows do: name → victim, the rows, and what must come of them.
INSTEAD = {
    "a million numbers, one null": ("wide", lambda: listed(WIDE_ROW, 2000, MISTAKEN), "invalid_value"),
    "empty lists": ("iris", lambda: listed(b"[]", MANY, ROW), ANY),
    "empty lists and a colon in a text": ("iris", lambda: listed(b"[]", MANY, b'"a:b"'), ANY),
    "empty objects": ("iris", lambda: listed(b"{}", MANY, ROW), ANY),
    "lists of a list": ("iris", lambda: listed(b"[[[]]]", MANY // 2), ANY),
    "objects of one name": ("iris", lambda: listed(b'{"":0}', MANY // 2), ANY),
    "empty texts": ("text", lambda: listed(b'""', MANY), ANY),
    "empty texts, 9,000": ("text", lambda: listed(b'["a:b"]', 9000), 9000),
    "a row of 700,000": ("iris", lambda: listed(listed(b"0", MANY), 1), ANY),
    "names in a row": ("iris", lambda: listed(named(200_000), 1), ANY),
    "rows by name, one name twice": (
        "mixed",
        lambda: listed(b'{"a":1,"s":"x","b":true,"d":null}', 9000, b'{"a":1,"a":2,"s":"x","b":true,"d":null}'),
        "duplicate_name",
    ),
    "nested 100,000 deep": ("iris", lambda: b"[" * 100_000 + b"]" * 100_000, ANY),
    "lists nested 900 deep": ("iris", lambda: listed(b"[" * 900 + b"]" * 900, 1000), ANY),
    "a text of escapes": ("iris", lambda: listed(b'["' + b"\\u0000" * 300_000 + b'",0,0,0]', 1), ANY),
    "a number of a million digits": ("iris", lambda: listed(b"[" + b"9" * 10**6 + b",0,0,0]", 1), ANY),
    "wrong texts, all of them": ("iris", lambda: listed(b'["x","x","x","x"]', 9000), "invalid_value"),
}
PROTOCOLS = {
    "native": ("/predict", "instances"),
    "V1": ("/v1/models/{}:predict", "instances"),
    "V1 inputs": ("/v1/models/{}:predict", "inputs"),
    "MLflow records": ("/invocations", "dataframe_records"),
    "MLflow inputs": ("/invocations", "inputs"),
    "Azure": ("/score", "data"),
}


def within(member, make):
    return lambda: b'{"%b":%b}' % (member.encode(), make())


def tensor(datatype, shape, data):
    return b'{"name":"x","datatype":"%b","shape":%b,"data":%b}' % (datatype, json.dumps(shape).encode(), data)


def asked(*tensors, more=b""):
    return b'{"inputs":[' + b",".join(tensors) + b"]" + more + b"}"


V2 = {
    "a million numbers, one null": (
        "wide",
        lambda: asked(tensor(b"FP64", [2001, 500], listed(WIDE_ROW, 2000, MISTAKEN))),
        "invalid_value",
    ),
    "a colon in a text and lists": (
        "iris",
        lambda: asked(tensor(b"FP64", [1, 4], ROW), more=b',"id":"a:b","x":' + listed(b"[]", MANY)),
        (ANY, 1),
    ),
    "empty texts": ("text", lambda: asked(tensor(b"BYTES", [MANY], listed(b'""', MANY))), "too_many_rows"),
    "inputs of nothing": ("iris", lambda: b'{"inputs":' + listed(b"{}", MANY) + b"}", ANY),
    "names in parameters": (
        "iris",
        lambda: asked(tensor(b"FP64", [1, 4], ROW), more=b',"parameters":' + named(200_000)),
        (ANY, 1),
    ),
    "outputs of nothing": (
        "iris",
        lambda: asked(tensor(b"FP64", [1, 4], ROW), more=b',"outputs":' + listed(b"{}", MANY)),
        ANY,
    ),
    "rows of another shape": ("iris", lambda: asked(tensor(b"FP64", [2**39, 4], listed(b"[]", MANY))), ANY),
}
SPLIT = {
    "a million numbers, one null": (
        "wide",
        lambda: b'{"columns":%b,"data":%b}' % (json.dumps(WIDE[::-1]).encode(), listed(WIDE_ROW, 2000, MISTAKEN)),
        "invalid_value",
    ),
    "columns without end": ("iris", lambda: b'{"columns":%b,"data":[]}' % listed(b'""', MANY), ANY),
    "an index without end": ("iris", lambda: b'{"data":[%b],"index":%b}' % (ROW, listed(b"{}", MANY)), (ANY, 1)),
}
LINES = {
    "a million numbers, one null": ("wide", lambda: b"\n".join([WIDE_ROW] * 2000 + [MISTAKEN]), "invalid_value"),
    "9,000 colons in texts": ("text", lambda: b'["a:b"]\n' * 9000, 9000),
    "empty lists": ("iris", lambda: b"[]\n" * MANY, "too_many_rows"),
    "blank lines": ("iris", lambda: b"\n" * MANY, ANY),
    "a line of lists": ("iris", lambda: listed(b"[]", MANY), ANY),
}
CSV = {
    "a million numbers, one missing": (
        "wide",
        lambda: (WIDE_ROW[1:-1] + b"\n") * 2000 + WIDE_ROW[1:-2] + b"\n",
        "invalid_value",
    ),
    "a million numbers, one text": (
        "wide",
        lambda: (WIDE_ROW[1:-1] + b"\n") * 2000 + WIDE_ROW[1:-2] + b"x\n",
        "invalid_value",
    ),
    "a line of empty cells": ("iris", lambda: b"," * MANY, ANY),
    "lines of quotes": ("iris", lambda: b'"",""\n' * (MANY // 4), ANY),
    "blank lines": ("iris", lambda: b"\n" * MANY, ANY),
    "names without end": ("iris", lambda: b",".join(b"%x" % place for place in range(200_000)) + b"\n1\n", ANY),
    "an open quote": ("iris", lambda: b'"' + b"1,2,3,4\n" * 100_000, ANY),
    "9,000 texts": ("text", lambda: b'"a, b"\n' * 9000, 9000),
}
