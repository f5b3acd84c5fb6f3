"""Scores with mapInPandas, keeps bad rows, and stops at one: `spark_formats.py BUNDLE ROWS FOLDER`."""

import json
import sys

from pyspark.errors import PythonException
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, lit, when

from mlservice import Scorer

bundle, source, folder = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
rows = spark.read.parquet(source)

scorer = Scorer(bundle, columns=["customer_id"])
rows.mapInPandas(scorer.batches, scorer.spark_schema(rows)).write.parquet(f"{folder}/spark-pandas")

bad = rows.withColumn("since", when(col("customer_id") % 1000 == 1, lit("never")).otherwise(col("since")))
keep = Scorer(bundle, columns=["customer_id"], bad_rows="keep")
kept = bad.mapInPandas(keep.batches, keep.spark_schema(bad)).toArrow().sort_by("customer_id")

try:
    bad.mapInArrow(scorer.batches, scorer.spark_schema(bad)).count()
except PythonException as error:
    said = str(error)
else:
    said = ""
print()
print(json.dumps({"kept": kept.filter(kept.column("code").is_valid()).to_pylist(), "rows": len(kept), "error": said}))
