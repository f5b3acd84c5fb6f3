"""Calls a server by the client that openapi-python-client made of its document: the package `client` on the path.

Arguments: address, and a file with names and rows. Prints what the server answered.
"""

import importlib
import json
import pkgutil
import sys
from pathlib import Path

import client
from client import Client
from client.api.native import predict
from client.api.operations import get_health, get_model
from client.models import PredictMany, PredictOne, RowByName

known = json.loads(Path(sys.argv[2]).read_text())
by_name = [RowByName.from_dict(dict(zip(known["names"], row, strict=True))) for row in known["rows"]]
with Client(base_url=sys.argv[1], raise_on_unexpected_status=True) as caller:
    answers = {
        "one": predict.sync(client=caller, body=PredictOne(features=by_name[0])),
        "one_by_position": predict.sync(client=caller, body=PredictOne(features=known["rows"][0])),
        "many": predict.sync(client=caller, body=PredictMany(instances=by_name)),
        "error": predict.sync(client=caller, body=PredictOne(features=[])),
        "model": get_model.sync(client=caller),
        "health": get_health.sync(client=caller),
    }
shown = {name: answer.to_dict() for name, answer in answers.items()}
modules = [importlib.import_module(each.name) for each in pkgutil.walk_packages(client.__path__, "client.")]
shown["modules"] = len(modules)
print(json.dumps({**shown, "types": {name: type(answer).__name__ for name, answer in answers.items()}}))
