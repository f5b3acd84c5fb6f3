"""Time of one request of 1,000 rows of 30 numbers, end to end, in each format: `python -m benchmarks.formats`.

One worker of the real server, one kept-alive connection, formats taken in turns; medians in milliseconds.
"""

import io
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pyarrow as pa
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from model.packing import pack

ROUNDS, ROWS = 150, 1000
NPY, CSV, ARROW = "application/x-npy", "text/csv", "application/vnd.apache.arrow.stream"


def asked(rows, names):
    """Return path, body and headers by format."""
    npy, arrow = io.BytesIO(), io.BytesIO()
    np.save(npy, rows)
    table = pa.table(dict(zip(names, rows.T, strict=True)))
    with pa.ipc.new_stream(arrow, table.schema) as writer:
        writer.write_table(table)
    size = {"binary_data_size": rows.nbytes}
    tensor = {"name": "features", "datatype": "FP64", "shape": rows.shape}
    head = json.dumps({"inputs": [{**tensor, "parameters": size}], "parameters": {"binary_data_output": True}}).encode()
    plain = json.dumps({"inputs": [{**tensor, "data": rows.ravel().tolist()}]}).encode()
    text = "\n".join([",".join(names), *(",".join(map(repr, row)) for row in rows.tolist())]).encode()
    native = json.dumps({"instances": rows.tolist()}).encode()
    return {
        "JSON": ("/predict", native, {"Content-Type": "application/json"}),
        "V2 JSON": ("/v2/models/cancer/infer", plain, {"Content-Type": "application/json"}),
        "V2 binary": ("/v2/models/cancer/infer", head + rows.tobytes(), {"Inference-Header-Content-Length": len(head)}),
        "npy": ("/predict", npy.getvalue(), {"Content-Type": NPY, "Accept": NPY}),
        "Arrow": ("/predict", arrow.getvalue(), {"Content-Type": ARROW, "Accept": ARROW}),
        "CSV": ("/predict", text, {"Content-Type": CSV, "Accept": CSV}),
    }


def serve(bundle, errors):
    """Start one worker on a free port; return the process and its port, once it answers."""
    environ = {**os.environ, "HOST": "127.0.0.1", "PORT": "0", "WEB_CONCURRENCY": "1", "MODEL_DIR": str(bundle)}
    with errors.open("wb") as err:
        process = subprocess.Popen(  # our own command
            [sys.executable, "-m", "gunicorn"], env=environ, stdout=subprocess.DEVNULL, stderr=err
        )
    while True:
        if found := re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", errors.read_text()):
            return process, int(found[1])
        time.sleep(0.05)


def main():
    """Print the table."""
    data = load_breast_cancer(as_frame=True)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(data.data, data.target)
    rows = np.ascontiguousarray(data.data.sample(ROWS, replace=True, random_state=0).to_numpy())
    with tempfile.TemporaryDirectory() as folder:
        pack(model, f"{folder}/bundle", name="cancer", data=data.data)
        process, port = serve(Path(folder) / "bundle", Path(folder) / "errors")
        try:
            measure(HTTPConnection("127.0.0.1", port), asked(rows, list(data.data.columns)))
        finally:
            process.terminate()
            process.wait()


def measure(connection, formats):
    """Ask in turns and print medians, the first being what the others are compared with."""
    spent = {name: [] for name in formats}
    for _ in range(ROUNDS):
        for name, (path, body, headers) in formats.items():
            start = time.perf_counter()
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            spent[name].append(time.perf_counter() - start)
            if answer.status != 200:
                raise RuntimeError(content)
    medians = {name: statistics.median(times[10:]) * 1000 for name, times in spent.items()}
    first = next(iter(medians.values()))
    print("| format | ms | of JSON's time | body, KB |\n|---|---|---|---|")
    for name, median in medians.items():
        print(f"| {name} | {median:.2f} | {median / first:.2f} | {len(formats[name][1]) // 1000} |")


if __name__ == "__main__":
    main()
