"""Sends rows and reads answers by the pydantic models that were made of the document: `models.py` on the path.

Arguments: address, and a file with names and rows. Prints the predictions, and where an unknown category is refused.
"""

import http.client
import json
import sys
from pathlib import Path

from models import PredictedMany, PredictMany, RowByName
from pydantic import ValidationError

known = json.loads(Path(sys.argv[2]).read_text())
rows = [dict(zip(known["names"], row, strict=True)) for row in known["rows"]]
request = PredictMany(instances=[RowByName.model_validate(row) for row in rows])
connection = http.client.HTTPConnection(sys.argv[1])
body = request.model_dump_json(by_alias=True, exclude_unset=True)
connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
answer = PredictedMany.model_validate_json(connection.getresponse().read())
try:
    RowByName.model_validate({**rows[0], "class": "fourth"})
    refused = []
except ValidationError as error:
    refused = [part for problem in error.errors() for part in problem["loc"]]
print(json.dumps({"predictions": json.loads(answer.model_dump_json())["predictions"], "refused": refused}))
