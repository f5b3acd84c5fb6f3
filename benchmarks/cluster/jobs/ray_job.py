"""Scores the rows with each bundle on all nodes there are: `ray_job.py NODES ROWS FOLDER BUNDLE…`; prints seconds."""

import sys
import time

import ray

from mlservice import Scorer

nodes, source, folder, *bundles = sys.argv[1:]
ray.init(log_to_driver=False)
while sum(node["Alive"] for node in ray.nodes()) < int(nodes):
    time.sleep(0.1)
for number, bundle in enumerate(bundles):
    start = time.monotonic()
    rows = ray.data.read_parquet(source)
    rows.map_batches(Scorer(bundle), batch_format="pyarrow", batch_size=10_000).write_parquet(f"{folder}/{number}")
    print(f"seconds {time.monotonic() - start}")
