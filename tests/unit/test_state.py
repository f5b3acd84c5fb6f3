"""service.process_table: what the processes of a server tell each other."""

from service import process_table
from service.process_table import ProcessTable, WorkerStatus
from service.server import drain, shared_directory


def test_what_is_said_is_read_by_others(tmp_path):
    """The page is one for all who find it, and begins with nothing said."""
    mine, theirs = process_table.make(tmp_path), process_table.find(tmp_path)
    said = theirs.server
    assert (False, False, WorkerStatus.BOOTING) == (said.proven, said.draining, theirs.status_of("w3"))

    mine.server.draining = True
    mine.set_status("w3", WorkerStatus.READY)

    assert (True, True, WorkerStatus.READY) == (said.proven, said.draining, theirs.status_of("w3"))
    assert WorkerStatus.BOOTING is theirs.status_of("w2")
    mine.set_status("w3", WorkerStatus.BOOTING)
    assert said.proven


def test_a_drain_finds_the_only_server_and_refuses_to_choose(tmp_path, monkeypatch, capsys):
    """With two servers on one machine, the one that is meant has to be named."""
    pages = {place: tmp_path / str(place) for place in (11, 12)}
    for path in pages.values():
        path.mkdir()
        process_table.make(path)
    monkeypatch.setattr(shared_directory, "running", lambda: pages)

    assert 1 == drain.main([])
    assert "found 11, 12" in capsys.readouterr().err
    assert 0 == drain.main(["--pid", "12"])
    assert [False, True] == [process_table.find(path).server.draining for path in pages.values()]
    del pages[11]
    assert 0 == drain.main(["--undo"])
    assert not process_table.find(pages[12]).server.draining


def test_a_page_of_one_process_needs_no_memory_to_share():
    """As tests have it."""
    assert not ProcessTable().server.draining
