"""Models that use OpenMP answer from workers that were forked from a preloaded master."""

import signal

import pytest

from tests.badinput import ROW
from tests.system.conftest import eventually

PACK = """
import sys
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier
from model.packing.pack import pack
rows, labels = load_iris(return_X_y=True, as_frame=True)
pack(HistGradientBoostingClassifier(max_iter=20).fit(rows, labels), sys.argv[1], name="boosting", data=rows)
"""


@pytest.fixture(scope="module")
def boosting(make_once):
    return make_once("-c", PACK)


@pytest.mark.parametrize("environ", [{}, {"OMP_NUM_THREADS": "2"}], ids=["unset", "two threads"])
def test_openmp_models_answer_from_preloaded_workers(serve, boosting, environ):
    """Gradient boosting predicts with OpenMP, whose threads do not survive a fork; both workers answer all the same."""
    server = serve(boosting, WEB_CONCURRENCY="2", **environ)

    for _ in range(20):
        status, answer = server.predict({"instances": [ROW] * 50})
        assert (200, [0] * 50) == (status, answer["predictions"])


def test_a_reload_keeps_openmp_models_answering(serve, boosting):
    """Workers forked later, after the master has done more, answer too."""
    server = serve(boosting, WEB_CONCURRENCY="2")
    for _ in range(3):
        before = eventually(server.workers, "workers")
        server.process.send_signal(signal.SIGHUP)
        while not server.without(before):
            assert 200 == server.predict({"instances": [ROW]})[0]

    assert 200 == server.predict({"instances": [ROW]})[0]
