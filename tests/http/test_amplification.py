"""Whatever the bytes, a request costs at most a few times what a valid one of its size costs."""

import time
import tracemalloc

import pytest

from tests.amplification import BINARY, LIKE_THEM, TEXTUAL, most_memory, most_seconds
from tests.http.conftest import Server


@pytest.fixture(scope="module")
def victims(victim_bundles):
    return {name: Server(bundle) for name, bundle in victim_bundles.items()}


@pytest.mark.parametrize("case", BINARY + LIKE_THEM + TEXTUAL, ids=lambda case: case.name)
def test_a_body_costs_in_proportion_to_its_size(victims, case):
    """Each is refused with its code or answered, within its share of memory and time, whatever sizes it claims."""
    client = victims[case.victim].client
    body, headers = case.build()

    start = time.process_time()
    answer = client.post(case.path, data=body, headers=headers)
    seconds = time.process_time() - start
    tracemalloc.start()
    client.post(case.path, data=body, headers=headers)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert case.allows(answer.status_code, answer.data), answer.data[:1000]
    assert peak <= most_memory(len(body))
    assert seconds <= most_seconds(len(body))
