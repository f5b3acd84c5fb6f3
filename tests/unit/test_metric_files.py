"""service.monitoring.metric_files: what it needs of prometheus_client's private parts; no scrape reads zeros."""

import os
import signal
from importlib.metadata import version

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

from service.monitoring.merged_files import MergedFiles
from service.monitoring.metric_files import AllocatedDict, read_entries

CHANGED = f"prometheus_client {version('prometheus_client')} has changed; see service/monitoring/metric_files.py"


def test_the_private_parts_of_the_client_library_are_there(tmp_path):
    """The attributes that AllocatedDict reads, the ones that keep_values sets, and the layout of a file's head."""
    path = tmp_path / "counter_w0.db"
    mapped = MmapedDict(str(path))
    mapped.write_value("key", 1.0, 0.0)

    assert (mapped._used, mapped._capacity) == (int.from_bytes(path.read_bytes()[:4], "little"), 65536), CHANGED
    assert path.stat().st_ino == os.fstat(mapped._f.fileno()).st_ino, CHANGED
    assert callable(mapped._init_value), CHANGED
    assert values.MmapedDict in (MmapedDict, AllocatedDict), CHANGED
    assert callable(values.ValueClass), CHANGED
    assert callable(values.MultiProcessValue(lambda: "w0")), CHANGED
    assert [("key", 1.0, 0.0, 16)] == list(read_entries(path.read_bytes(), 32)), CHANGED
    mapped.close()


def test_no_scrape_reads_a_zero_while_a_value_is_written(tmp_path):
    """A counter that falls to zero for a moment looks like a restart, and multiplies every rate."""
    path = tmp_path / "counter_w0.db"
    mapped = AllocatedDict(str(path))
    mapped.write_value('["a_total", "a_total", {}, "help"]', 1.0, 0.0)
    files = MergedFiles()
    child = os.fork()
    if not child:
        while True:
            mapped.write_value('["a_total", "a_total", {}, "help"]', 2.0, 0.0)
    try:
        read = {found.value for _ in range(2000) for family in files.collect([path]) for found in family.samples}
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        mapped.close()

    assert {2.0} >= read - {1.0}
