"""Every way of asking for a prediction, in a table."""

import json

from tests.dialects import (
    CSV,
    NPY,
    V2,
    Asked,
    Dialect,
    Table,
    as_arrow,
    as_csv,
    as_npy,
    binary,
    by_feature,
    csv_text,
    member,
    post,
    raw,
    read_arrow,
    read_csv,
    read_npy,
    read_v2,
    split,
    tensors,
    whole,
)

V1 = "/v1/models/case:predict"
VERSIONED = "/v1/models/case/versions/1:predict"
VERTEX = "/v1/endpoints/7/deployedModels/8:predict"
INVOCATIONS = "/invocations"
V2_VERSIONED = "/v2/models/case/versions/1/infer"


def flat_tensors(table: Table) -> Asked:
    inputs = tensors(table)
    if table.numeric:
        inputs[0]["data"] = [cell for row in inputs[0]["data"] for cell in row]
    return post(V2, {"inputs": inputs})


def lines(table: Table) -> Asked:
    body = "\n".join(json.dumps(row) for row in table.rows)
    return Asked(
        INVOCATIONS, body.encode(), {"Content-Type": "application/jsonlines", "Accept": "application/jsonlines"}
    )


def invoked(kind: str, accept: str) -> dict[str, str]:
    return {"Content-Type": kind, "Accept": accept}


def bare_csv(table: Table) -> Asked:
    return Asked(INVOCATIONS, csv_text(table, head=False), invoked(CSV, "text/csv"))


def only(body, headers):
    return json.loads(body), None


def one_text(table: Table) -> bool:
    return table.numeric or (len(table.names) == 1 and table.whole)


def read_lines(body, headers):
    return [json.loads(line) for line in body.decode().splitlines()], None


def read_bare_csv(body, headers):
    def cell(text):
        try:
            return json.loads(text)
        except ValueError:
            return text

    rows = [[cell(text) for text in line.split(",")] for line in body.decode().split()]
    return [row[0] if len(row) == 1 else row for row in rows], None


predictions = member("predictions")
DIALECTS = [
    Dialect("v2, JSON", "v2", lambda table: post(V2, {"inputs": tensors(table)}), read_v2),
    Dialect("v2, flat data", "v2", flat_tensors, read_v2),
    Dialect("v2, one tensor for each feature", "v2", lambda table: post(V2, {"inputs": by_feature(table)}), read_v2),
    Dialect("v2, version", "v2", lambda table: post(V2_VERSIONED, {"inputs": by_feature(table)}), read_v2),
    Dialect("v2, binary", "v2", binary, read_v2),
    Dialect("v2, raw", "v2", raw, read_v2, one_text),
    Dialect("npy", "native", as_npy, read_npy, whole),
    Dialect("Arrow", "native", as_arrow, read_arrow),
    Dialect("CSV", "native", as_csv, read_csv),
    Dialect("v1, instances", "v1", lambda table: post(V1, {"instances": table.rows}), predictions),
    Dialect("v1, objects", "v1", lambda table: post(VERSIONED, {"instances": table.objects}), predictions),
    Dialect("v1, inputs", "v1", lambda table: post(V1, {"inputs": table.columns}), member("outputs")),
    Dialect("vertex", "vertex", lambda table: post(VERTEX, {"instances": table.rows}), predictions),
    *(
        Dialect(
            f"mlflow, {name}",
            "invocations",
            lambda table, name=name, say=say: post(INVOCATIONS, {name: say(table)}),
            read,
        )
        for name, say, read in (
            ("dataframe_split", split, predictions),
            ("dataframe_records", lambda table: table.objects, predictions),
            ("instances", lambda table: table.rows, predictions),
            ("inputs", lambda table: table.columns, predictions),
        )
    ),
    Dialect(
        "mlflow, CSV",
        "invocations",
        lambda table: Asked(INVOCATIONS, csv_text(table), {"Content-Type": CSV}),
        predictions,
    ),
    Dialect("sagemaker, JSON", "invocations", lambda table: post(INVOCATIONS, table.rows), only),
    Dialect("sagemaker, CSV", "invocations", bare_csv, read_bare_csv),
    Dialect("sagemaker, JSON Lines", "invocations", lines, read_lines),
    Dialect(
        "sagemaker, npy",
        "invocations",
        lambda table: Asked(INVOCATIONS, as_npy(table).body, {"Content-Type": NPY}),
        only,
        whole,
    ),
    Dialect("azure, input_data", "azure", lambda table: post("/score", {"input_data": split(table)}), only),
    Dialect("azure, data", "azure", lambda table: post("/score", {"data": table.rows}), only),
]
