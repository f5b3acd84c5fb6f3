"""Directories for the server's own files: it starts if one of them has room, and otherwise fails in one line."""

import pytest

from tests.badinput import ROW
from tests.system.test_failed_starts import refused

# In a name space of its own; tempfile's last resort is the directory that the server is started in.
READ_ONLY = 'for place in /tmp /var/tmp "$PWD"; do mount --bind $place $place && mount -o remount,ro,bind $place; done'
NO_TEMPORARY = f'{READ_ONLY} && cd "$PWD"'
NO_MEMORY = "mount -t tmpfs -o ro tmpfs /dev/shm"
NO_INODES = "mount -t tmpfs -o nr_inodes=2 tmpfs /dev/shm"
FULL = "mount -t tmpfs -o size=4k tmpfs /dev/shm && head -c 4096 /dev/zero >/dev/shm/full"
SMALL = "mount -t tmpfs -o size=8m tmpfs /dev/shm"
ENOUGH = {
    "no temporary directory": NO_TEMPORARY,
    "no inodes in memory": NO_INODES,
    "a full memory": FULL,
    "a memory that is read-only": NO_MEMORY,
}
TOO_LITTLE = {
    "nothing that can be written": (
        f"{NO_MEMORY} && {NO_TEMPORARY}",
        {},
        "no_room: no file can be made in /dev/shm (Read",
    ),
    "no inodes": (f"{NO_INODES} && {NO_TEMPORARY}", {}, "no_room: "),
    "no bytes": (f"{FULL} && {NO_TEMPORARY}", {}, "no_room: "),
    "too many workers": (
        f"{SMALL} && {NO_TEMPORARY}",
        {"WEB_CONCURRENCY": "500"},
        "metrics of 500 workers; free some, or",
    ),
}


def within(script):
    return ["unshare", "--mount", "sh", "-c", f'{script} && exec "$@"', "sh"]


@pytest.mark.parametrize("name", ENOUGH)
def test_a_server_starts_where_one_place_takes_its_files(serve, name):
    """If one of the directories takes its files, a server starts and answers."""
    server = serve(prefix=within(ENOUGH[name]), WEB_CONCURRENCY="2")

    assert 200 == server.predict({"features": ROW})[0]


@pytest.mark.parametrize("name", TOO_LITTLE)
def test_a_start_that_finds_no_place_for_its_files_is_one_line(launch, name):
    """Without a directory for its files, a start fails in one line, before any worker is started."""
    script, environ, expected = TOO_LITTLE[name]

    server = launch(prefix=within(script), **environ)

    assert expected in refused(server)
    assert "Booting worker" not in server.errors
