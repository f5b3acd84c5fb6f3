"""Bundles of every case that compiles, each with rows and answers: `python -m tests.compiledcases FOLDER`.

For whoever serves them without scikit-learn. That they are equal to it is proven elsewhere, on many more rows.
"""

import json
import sys
from pathlib import Path

from model.onnx_export import verification
from tests.http.test_conformance import COMPILED, cells, choose, expected, few, fit_and_pack, some_places


def write(folder: Path) -> None:
    """Write `<number>/bundle` and `<number>/case.json` for each case."""
    few(lambda name, value: setattr(verification, name, value))
    for number, case in enumerate(COMPILED):
        place = folder / str(number)
        place.mkdir(parents=True)
        estimator, loaded = fit_and_pack(case, place, compiled=True)
        signature, rows = loaded.manifest.signature, choose(case.rows, some_places(case))
        labels, probabilities = expected(estimator, signature, rows)
        document = {"name": case.name, "rows": cells(rows, signature), "labels": labels, "probabilities": probabilities}
        (place / "case.json").write_text(json.dumps(document))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
