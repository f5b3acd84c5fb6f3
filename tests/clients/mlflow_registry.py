"""Registers bundles as docs/object-storage.md says: versions 1, 2, … of a model, the first of which has the alias.

The last version has no bundle. MLFLOW_TRACKING_URI names the server.
"""

import sys

from mlflow import MlflowClient, log_artifacts, start_run

client = MlflowClient()
client.create_registered_model("churn")
for bundle in sys.argv[1:]:
    with start_run() as run:
        log_artifacts(bundle, "bundle")
    client.create_model_version("churn", f"{run.info.artifact_uri}/bundle", run.info.run_id)
client.set_registered_model_alias("churn", "champion", "1")
with start_run() as run:
    log_artifacts(sys.argv[1], "elsewhere")
client.create_model_version("churn", run.info.artifact_uri, run.info.run_id)
