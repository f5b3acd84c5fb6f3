"""service.monitoring.merged_files and scrape: byte for byte what prometheus_client makes of the same files."""

import random

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, exposition
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.samples import Exemplar

from service.monitoring import metric_files
from service.monitoring.catalogue import STORED
from service.monitoring.merged_files import MERGED, MOST_LAYOUTS, MergedFiles
from service.monitoring.scrape import CachedEncoder

FORMATS = ["", "text/plain; version=1.0.0", "application/openmetrics-text; version=1.0.0; escaping=allow-utf-8"]
HOSTILE = ["a", 'quote " and \\', "line\nfeed\r", "ünïcode", "", "# HELP x", "{}"]


class Writers:
    """Processes that write metrics, one after another in this one."""

    def __init__(self, directory):
        self.directory, self.slot = directory, "master"
        metric_files.keep_values(directory, lambda: self.slot)
        registry = CollectorRegistry()
        self.counter = Counter("a_total", "help \\ of\na", ["label"], registry=registry)
        self.plain = Counter("plain_total", "help", registry=registry)
        self.running = Gauge("running", "help", ["label"], multiprocess_mode="livesum", registry=registry)
        self.at = Gauge("at", "help", multiprocess_mode="livemax", registry=registry)
        self.seconds = Histogram("s_seconds", "help", ["x", "y"], buckets=(1e-9, 10), registry=registry)
        self.chance = random.Random(1)

    def write(self, slot, events=30, names=HOSTILE):
        self.slot = slot
        for _ in range(events):
            self.counter.labels(self.chance.choice(names)).inc(self.chance.choice((1, 0.1, 1e-9, 1e22)))
            self.plain.inc()
            self.running.labels(self.chance.choice(names)).set(self.chance.choice((-1, 2.5, 0, float("inf"))))
            self.at.set(self.chance.choice((-3, 0, 7e9, float("-inf"))))
            self.seconds.labels(self.chance.choice(names), "1").observe(self.chance.choice((0, 1e-9, 7, 11)))

    @property
    def paths(self):
        return list(self.directory.glob("*.db"))


class Collected:
    """What a registry collects."""

    def __init__(self, families):
        self.families = families

    def collect(self):
        return self.families


@pytest.fixture
def writers(tmp_path):
    """Writers in a directory; leaves the client library as it was."""
    yield Writers(tmp_path)
    metric_files.keep_values(None, str)


def by_the_library(writers, encode):
    registry = CollectorRegistry(support_collectors_without_names=True)
    registry.register(Collected(MultiProcessCollector.merge(list(map(str, writers.paths)))))
    return encode(registry)


@pytest.mark.parametrize("accept", FORMATS)
def test_what_is_exposed_is_what_the_library_exposes(writers, accept):
    """Through changes of values, new series and slots, gauges that go with their worker, and in each format."""
    encode, _ = exposition.choose_encoder(accept)
    encoder, files = CachedEncoder(encode), MergedFiles()

    def agree():
        assert by_the_library(writers, encode) == encoder(files.collect(writers.paths))

    writers.write("master", 5, HOSTILE[:2])
    agree()
    for slot in ("w0", "w1", "w0", "w2"):
        writers.write(slot, names=HOSTILE[:4])
        agree()
        agree()
    writers.write("w1", names=HOSTILE)
    agree()
    metric_files.forget_live(writers.directory, "w0")
    agree()
    metric_files.forget_live(writers.directory, "w1")
    writers.write("w9", 1)
    writers.write("w1", 20, HOSTILE[::-1])
    agree()


def test_a_sample_that_has_not_changed_is_the_same_object(writers):
    """That is how the encoder knows it at once."""
    files = MergedFiles()
    writers.write("w0")
    before = {sample.name: sample for family in files.collect(writers.paths) for sample in family.samples}
    writers.plain.inc()
    after = {sample.name: sample for family in files.collect(writers.paths) for sample in family.samples}

    assert {"plain_total"} == {name for name in after if after[name] is not before[name]}


def test_each_kind_of_the_catalogue_is_merged():
    """Gauges in another mode would need another way."""
    kinds = {
        f"gauge_{item.options['multiprocess_mode']}" if item.kind is Gauge else item.kind.__name__.lower()
        for item in STORED
    }

    assert kinds == set(MERGED)


def test_files_of_any_number_of_layouts_are_merged(writers):
    """Each worker with series of its own, more of them than are remembered."""
    encode, _ = exposition.choose_encoder("")
    encoder, files = CachedEncoder(encode), MergedFiles()
    for number in range(3 * MOST_LAYOUTS):
        writers.write(f"w{number}", 1, [f"name {number}"])

    for _ in range(2):
        assert by_the_library(writers, encode) == encoder(files.collect(writers.paths))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"\xff\xff\x00\x00" + bytes(100),
        b"\x0c\x00\x00\x00" + bytes(100),
        b"\x40\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00[1, 2]  " + bytes(100),
        b"\x40\x00\x00\x00\x00\x00\x00\x00\x0c\x00\x00\x00[1, 2, 3, 4]" + bytes(100),
        b"\x20\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\xff\xff\xff\xff" + bytes(100),
    ],
)
def test_a_file_that_cannot_be_read_is_left_out(writers, content):
    """Whatever is in it."""
    writers.write("w0")
    whole = writers.paths
    (writers.directory / "counter_w9.db").write_bytes(content)
    (writers.directory / "other.db").write_bytes(bytes(100))

    assert sorted(whole) == sorted(MergedFiles().readable(writers.paths))


def test_the_encoder_takes_metrics_that_come_and_go_and_samples_with_exemplars():
    """It encodes whatever a collector returns, and keeps nothing of what is no longer there."""
    encode, _ = exposition.choose_encoder(FORMATS[-1])
    encoder = CachedEncoder(encode)

    def gauge(name, *found):
        family = GaugeMetricFamily(name, "help", labels=["label"])
        for label, value in found:
            family.add_metric([label], value)
        return family

    exemplar = Exemplar({"trace_id": "1" * 32}, 0.2, 1.5)
    counted = Metric("s", "help", "histogram")
    counted.add_sample("s_bucket", {"le": "+Inf"}, 2.0, exemplar=exemplar)
    counted.add_sample("s_count", {}, 2.0)
    for families in (
        [gauge("a")],
        [gauge("a"), gauge("b"), gauge("c", ("x", 1))],
        [gauge("a", ("x", 1), ("y", float("nan")))],
        [gauge("a", ("y", float("nan")), ("x", 1)), counted],
        [gauge("b", ("z", 2)), counted, gauge("a")],
        [],
    ):
        assert encode(Collected(families)) == encoder(families)
