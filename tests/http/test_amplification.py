"""Whatever the bytes, a request costs at most a few times what a valid one of its size costs."""

import time
import tracemalloc

import pytest

from tests.amplification import BINARY, LIKE_THEM, TEXTUAL, TIMES, most_memory, most_seconds
from tests.http.conftest import Server


@pytest.fixture(scope="module")
def victims(victim_bundles):
    return {name: Server(bundle) for name, bundle in victim_bundles.items()}


@pytest.mark.parametrize("case", BINARY + LIKE_THEM + TEXTUAL, ids=lambda case: case.name)
def test_a_body_costs_in_proportion_to_its_size(victims, case):
    """Each is refused with its code or answered, within its share of memory and time, whatever sizes it claims."""
    client = victims[case.victim].client
    body, headers = case.build()

    def ask():
        start = time.process_time()
        answer = client.post(case.path, data=body, headers=headers)
        return answer, time.process_time() - start

    tracemalloc.start()
    answer, seconds = ask()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    times = [seconds]
    while min(times) > most_seconds(len(body)) and len(times) < TIMES:  # tracing takes most of the first time
        answer, seconds = ask()
        times.append(seconds)

    assert case.allows(answer.status_code, answer.data), answer.data[:1000]
    assert peak <= most_memory(len(body))
    assert min(times) <= most_seconds(len(body))
