"""MLflow's scoring server client, which sends a data frame. Arguments: address, rows as JSON, names as JSON."""

import json
import sys

import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

host, port = sys.argv[1].split(":")
client = ScoringServerClient(host, int(port))
client.ping()
rows, names = json.loads(sys.argv[2]), json.loads(sys.argv[3])
answers = [client.invoke(pd.DataFrame(rows, columns=names)).get_predictions()]
print(json.dumps([client.get_version().strip(), *(answer.iloc[:, 0].tolist() for answer in answers)]))
