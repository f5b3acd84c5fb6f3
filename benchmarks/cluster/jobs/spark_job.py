"""Scores the rows with each bundle on all workers there are: `spark_job.py WORKERS ROWS FOLDER BUNDLE…`."""

import sys
import time

from pyspark.sql import SparkSession

from mlservice import Scorer

_, source, folder, *bundles = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
for number, bundle in enumerate(bundles):
    start = time.monotonic()
    rows = spark.read.parquet(source)
    scorer = Scorer(bundle)
    rows.mapInArrow(scorer.batches, scorer.spark_schema(rows)).write.parquet(f"{folder}/{number}")
    print(f"seconds {time.monotonic() - start}")
