"""Spark, local and standalone with two workers: the documented programs, bad rows, and how often a model is loaded."""

import json

import pytest

from tests.clusters import spark
from tests.conftest import ROOT
from tests.system.cluster.conftest import BAD, REASON, ROWS, assert_loaded_once

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def standalone(place):
    """Start a master and two workers of one core each; give the address and the folder that each worker works in."""
    folders = [place.folder / "worker-1", place.folder / "worker-2"]
    with spark(place, folders) as master:
        yield master, folders


def test_the_documented_program_scores_as_the_server_does(place, expected):
    """On this machine: the same columns, labels, digits and types as `score` and HTTP."""
    what = [place.bundle, place.path("customers"), place.path("spark-local")]
    _, said = place.run("spark-submit", "--master", "local[2]", "spark_score.py", *what)

    assert expected.to_pydict() == place.scored("spark-local").to_pydict()
    assert expected.schema.types == place.scored("spark-local").schema.types
    assert_loaded_once([said])


def test_two_workers_score_with_a_bundle_that_spark_sends_them(place, expected, standalone):
    """Both have work, and load the model once for each process that scores."""
    master, folders = standalone
    what = [place.bundle, place.path("customers"), place.path("spark-sent")]
    place.run("spark-submit", "--master", master, "spark_sent.py", *what)

    assert expected.to_pydict() == place.scored("spark-sent").to_pydict()
    for folder in folders:
        assert_loaded_once([each.read_text() for each in folder.glob("*/*/stderr")])


def test_bad_rows_stop_or_are_kept_and_pandas_is_the_same(place, expected, standalone):
    """In the words of `score`: with number, id and reason in the error, or as code and reason of each bad row."""
    master, _ = standalone
    program = ROOT / "tests/cluster/spark_formats.py"
    said, _ = place.run(
        "spark-submit", "--master", master, program, place.bundle, place.path("customers"), place.folder
    )
    found = json.loads(said.splitlines()[-1])
    names = [name for name in expected.column_names if name not in place.rows.column_names]

    assert expected.select(["customer_id", *names]).to_pydict() == place.scored("spark-pandas").to_pydict()
    assert ROWS == found["rows"]
    assert BAD == [
        {name: row[name] for name in ("customer_id", "prediction", "code", "reason")} for row in found["kept"]
    ]
    assert f": {REASON} (invalid_value)" in found["error"]
