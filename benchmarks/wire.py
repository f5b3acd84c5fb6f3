"""The same 1,000 rows in other formats than JSON: a new format is one more entry, left out while it is not answered."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import load, servers
from benchmarks.contestants import OURS, Contestant
from benchmarks.measure import Bench, check, prepare, say
from benchmarks.models import Fitted
from benchmarks.results import Measurement

CONNECTIONS = 2
JSON = "application/json"
MLSERVER, KSERVE = "MLServer", "KServe"


@dataclass(frozen=True)
class Format:
    """Rows as bytes: which server takes them, where, and under which headers."""

    title: str
    contestant: str
    path: str
    body: Callable[[NDArray[np.float64]], bytes]
    content_type: str = JSON
    headers: Callable[[NDArray[np.float64]], dict[str, str]] = field(default=lambda _: {})


def _native(rows: NDArray[np.float64]) -> bytes:
    return _compact({"instances": rows.tolist()})


def _tensor(rows: NDArray[np.float64], **more: Any) -> dict[str, Any]:
    return {"name": "features", "shape": list(rows.shape), "datatype": "FP64", **more}


def _tensor_json(rows: NDArray[np.float64]) -> bytes:
    return _compact({"inputs": [_tensor(rows, data=rows.ravel().tolist())]})


def _binary_header(rows: NDArray[np.float64]) -> bytes:
    tensor = _tensor(rows, parameters={"binary_data_size": rows.nbytes})
    return _compact({"inputs": [tensor], "parameters": {"binary_data_output": True}})


def _npy(rows: NDArray[np.float64]) -> bytes:
    file = io.BytesIO()
    np.save(file, rows)
    return file.getvalue()


def _compact(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


_NPY = "application/x-npy"
_V2 = "/v2/models/wide/infer"
FORMATS = (
    Format("JSON, /predict", OURS, "/predict", _native),
    # As rows are that were computed and not read off a ruler: the data set's own numbers have four to six digits.
    Format("JSON of 17 digits, /predict", OURS, "/predict", lambda rows: _native(rows / 3)),
    Format("V2, JSON", OURS, _V2, _tensor_json),
    Format(
        "V2, binary tensors",
        OURS,
        _V2,
        lambda rows: _binary_header(rows) + rows.tobytes(),
        "application/octet-stream",
        lambda rows: {"Inference-Header-Content-Length": str(len(_binary_header(rows)))},
    ),
    Format(".npy both ways, /predict", OURS, "/predict", _npy, _NPY, lambda _: {"Accept": _NPY}),
    Format("V1, JSON", KSERVE, "/v1/models/model:predict", _native),
    Format("V2, JSON", KSERVE, "/v2/models/model/infer", _tensor_json),
    Format(
        "V2, binary tensors",
        KSERVE,
        "/v2/models/model/infer",
        lambda rows: _binary_header(rows) + rows.tobytes(),
        "application/octet-stream",
        lambda rows: {"Inference-Header-Content-Length": str(len(_binary_header(rows)))},
    ),
    # Its REST interface takes JSON only: the binary extension is in its client and its gRPC interface.
    Format("V2, JSON", MLSERVER, "/v2/models/model/infer", _tensor_json),
)

PLAIN = FORMATS[:2]
BINARY = tuple(each for each in FORMATS if each.contestant == OURS and each.content_type != JSON)


def compare(bench: Bench, fitted: Fitted, turn: int) -> None:
    """Measure every format that its server answers with 200, once."""
    servers_by_name = {each.name: each for each in bench.contestants if each.name not in bench.results.failures}
    for name in dict.fromkeys(each.contestant for each in FORMATS):
        if name in servers_by_name:
            _one(bench, fitted, turn, servers_by_name[name])


def _one(bench: Bench, fitted: Fitted, turn: int, contestant: Contestant) -> None:
    prepare(contestant, fitted)
    with servers.serving(contestant, fitted.folder, fitted.singles()[0]) as server:
        check(contestant, fitted, server)
        for each in FORMATS:
            if each.contestant != contestant.name:
                continue
            bodies = _bodies(each, fitted)
            first = (bodies.folder / "0").read_bytes()
            status, _ = servers.post(
                server.port, each.path, first, {"Content-Type": each.content_type, **bodies.headers}
            )
            if status != 200:
                say(f"  {each.title}: {contestant.name} answers {status}; left out")
                continue
            sample = load.run(server.port, bodies, CONNECTIONS, bench.plan)
            say(f"  {contestant.name}, {each.title}: {sample.rate:.0f}/s")
            found = Measurement(turn, fitted.case.key, contestant.name, each.title, **asdict(sample))
            bench.results.measurements.append(found)


def _bodies(each: Format, fitted: Fitted) -> load.Bodies:
    batches: Sequence[NDArray[np.float64]] = [np.array(batch) for batch in fitted.batches()]
    folder = fitted.folder / "formats" / f"{each.contestant}-{each.title}".replace(" ", "-").replace("/", "")
    contents = [each.body(batch) for batch in batches]
    return load.write(folder, each.path, contents, content_type=each.content_type, headers=each.headers(batches[0]))
