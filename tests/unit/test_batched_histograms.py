"""service.monitoring.request_metrics: what is written in batches is what would be written one by one."""

import math
import threading
from random import Random

import pytest
from prometheus_client import CollectorRegistry, Histogram, values

from service.monitoring import request_metrics
from service.monitoring.request_metrics import BatchedHistograms

BOUNDS = (0.1, 1.0, 10.0)


@pytest.fixture
def registry(monkeypatch):
    """Values in the memory of this process, whatever a test before this one has set for the whole process."""
    monkeypatch.setattr(values, "ValueClass", values.MutexValue)
    return CollectorRegistry()


def samples(registry, name):
    """Return the samples of a histogram, without its name, and without when it was made."""
    (family,) = (found for found in registry.collect() if found.name == name)
    found = {(each.name.removeprefix(name), each.labels.get("le")): round(each.value, 6) for each in family.samples}
    del found["_created", None]
    return found


def histogram(name, registry):
    return Histogram(name, "help", buckets=BOUNDS, registry=registry)


def test_a_batch_falls_into_the_buckets_that_single_observations_fall_into(registry):
    """Also at a bound, below the first, above the last, and with several flushes."""
    drawn, single = Random(16), histogram("single", registry)
    batched = BatchedHistograms([(histogram("batched", registry), BOUNDS)], 1, list)
    for _ in range(5):
        for value in (0.0, *BOUNDS, 11.0, *(drawn.expovariate(1) for _ in range(100))):
            single.observe(value)
            batched.observe((value,))
        batched.flush()

    assert samples(registry, "single") == samples(registry, "batched")


def test_a_value_that_is_not_there_is_not_observed(registry):
    """A request that is refused has no rows."""
    batched = BatchedHistograms([(histogram(name, registry), BOUNDS) for name in ("seconds", "rows")], 2, list)

    batched.observe((0.5, math.nan))
    batched.observe((math.nan, 2))
    batched.flush()

    assert 0.5 == registry.get_sample_value("seconds_sum")
    assert 2.0 == registry.get_sample_value("rows_sum")
    assert {1.0} == {registry.get_sample_value(f"{name}_count") for name in ("seconds", "rows")}


def test_nothing_is_lost_or_counted_twice_by_threads_that_observe_and_flush(registry):
    """The loop flushes while threads end their requests, and a scrape flushes meanwhile."""
    batched, each = BatchedHistograms([(histogram("seconds", registry), BOUNDS)], 1, list), 5_000

    def observe():
        for count in range(each):
            batched.observe((0.5,))
            if count % 50 == 0:
                batched.flush()

    threads = [threading.Thread(target=observe) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batched.flush()

    assert 4 * each == registry.get_sample_value("seconds_count")


def test_what_waits_is_bounded_where_nobody_flushes(registry):
    """Another server's worker has no periodic call, and may never be scraped."""
    batched = BatchedHistograms([(histogram("seconds", registry), BOUNDS)], 1, list)

    for _ in range(request_metrics.MOST):
        batched.observe((0.5,))

    assert request_metrics.MOST == registry.get_sample_value("seconds_count")


def test_however_many_are_written_at_once_their_arrays_have_few_sizes(registry):
    """Memory grows with the number of sizes: numpy keeps up to seven blocks of each that a small array ever had."""
    seen = []

    def values_of(columns):
        seen.append(columns.shape)
        return columns

    batched = BatchedHistograms([(histogram("seconds", registry), BOUNDS)], 1, values_of)
    counts = [*range(1, 200), 500, 513, 2000]
    for count in counts:
        for _ in range(count):
            batched.observe((0.5,))
        batched.flush()

    assert {(1, 64), (1, 128), (1, 256), (1, 512)} == set(seen)
    assert sum(counts) == registry.get_sample_value("seconds_count")
