"""Ray Data, local and on two nodes: the documented programs, bad rows, and how often a model is loaded."""

import json

import pytest

from tests.clusters import ray
from tests.conftest import ROOT
from tests.system.cluster.conftest import BAD, REASON, ROWS, assert_loaded_once

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def nodes(place):
    """Start two nodes of two CPUs each; give the address of the first one."""
    with ray(place, 2, cpus=2) as address:
        yield address


def logs_of_workers(place):
    return [each.read_text() for each in place.ray.glob("session_2*/logs/worker-*.err")]


def test_the_documented_program_scores_as_the_server_does(place, expected):
    """On this machine: the same columns, labels, digits and types as `score` and HTTP."""
    place.run("python", "ray_score.py", place.bundle, place.path("customers"), place.path("ray-local"))

    assert expected.to_pydict() == place.scored("ray-local").to_pydict()
    assert expected.schema.types == place.scored("ray-local").schema.types


def test_two_nodes_score_with_a_bundle_that_ray_sends_them(place, expected, nodes):
    """As the working directory of the workers."""
    what = [place.bundle, place.path("customers"), place.path("ray-sent")]
    place.run("python", "ray_sent.py", *what, RAY_ADDRESS=nodes)

    assert expected.to_pydict() == place.scored("ray-sent").to_pydict()


def test_actors_on_two_nodes_and_other_formats_score_the_same(place, expected, nodes):
    """Each process loads the model once; bad rows stop, or are kept, in the words of `score`."""
    program = ROOT / "tests/cluster/ray_formats.py"
    said, _ = place.run("python", program, place.bundle, place.path("customers"), place.folder, RAY_ADDRESS=nodes)
    found, actors = json.loads(said.splitlines()[-1]), place.scored("ray-numpy")
    names = ["customer_id", *(name for name in expected.column_names if name not in place.rows.column_names)]

    assert expected.select(names).to_pydict() == actors.select(names).to_pydict()
    assert expected.to_pydict() == place.scored("ray-pandas").to_pydict()
    assert (2, 2) == tuple(len(set(actors.column(name).to_pylist())) for name in ("node", "process"))
    assert_loaded_once(logs_of_workers(place))
    assert ROWS == found["rows"]
    assert BAD == [
        {name: row[name] for name in ("customer_id", "prediction", "code", "reason")} for row in found["kept"]
    ]
    assert f": {REASON} (invalid_value)" in found["error"]
