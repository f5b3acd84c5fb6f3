"""Scores by actors on two nodes, in NumPy and pandas, keeps bad rows, and stops at one: `… BUNDLE ROWS FOLDER`."""

import json
import os
import sys
import time

import pyarrow as pa
import ray

from mlservice import Scorer

bundle, source, folder = sys.argv[1:]
NODES, SECONDS = 2, 120


class Noted:
    """Scores, and notes where."""

    def __init__(self, bundle):
        self.scorer = Scorer(bundle, columns=["customer_id"])

    def __call__(self, batch):
        found = self.scorer(batch)
        node, rows = ray.get_runtime_context().get_node_id(), len(found["customer_id"])
        return {**found, "node": [node] * rows, "process": [os.getpid()] * rows}


def spoil(batch):
    """Put what is no date into some rows."""
    ids, since = batch.column("customer_id").to_pylist(), batch.column("since").to_pylist()
    spoilt = ["never" if row % 1000 == 1 else day for row, day in zip(ids, since, strict=True)]
    return batch.set_column(batch.schema.get_field_index("since"), "since", pa.array(spoilt))


ray.init()
end = time.monotonic() + SECONDS
while sum(node["Alive"] for node in ray.nodes()) < NODES and time.monotonic() < end:
    time.sleep(0.1)
ray.data.DataContext.get_current().wait_for_min_actors_s = SECONDS  # or the first one may do all
rows = ray.data.read_parquet(source).repartition(4 * NODES)

actors = rows.map_batches(
    Noted,
    fn_constructor_args=[bundle],
    concurrency=NODES,
    scheduling_strategy="SPREAD",
    batch_format="numpy",
    batch_size=100,
)
actors.write_parquet(f"{folder}/ray-numpy")
rows.map_batches(Scorer(bundle), batch_format="pandas", batch_size=500).write_parquet(f"{folder}/ray-pandas")

bad = rows.map_batches(spoil, batch_format="pyarrow")
kept = bad.map_batches(Scorer(bundle, columns=["customer_id"], bad_rows="keep"), batch_format="numpy").take_all()
try:
    bad.map_batches(Scorer(bundle, columns=["customer_id"]), batch_format="pyarrow").count()
    said = ""
except ray.exceptions.RayError as error:
    said = str(error)
spoilt = sorted((row for row in kept if row["code"]), key=lambda row: row["customer_id"])
print()
print(json.dumps({"kept": spoilt, "rows": len(kept), "error": said}, default=str))
