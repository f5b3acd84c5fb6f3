"""`python -m service.server.drain`: ask the load balancer to send this server no more; `--undo` takes that back.

Readiness turns 503 at once. Requests that still come are answered, and each answer closes its connection. The command
is for a preStop hook, or for taking one server out for a while. It neither stops the server nor waits.
"""

import argparse
import sys

from service import process_table
from service.server import shared_directory


def main(arguments: list[str]) -> int:
    """Drain the only server of this machine or container, or the one whose master's process id is given."""
    parser = argparse.ArgumentParser(
        prog="python -m service.server.drain", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--undo", action="store_true", help="be ready again")
    parser.add_argument("--pid", type=int, help="the master's process id, where several servers run")
    options = parser.parse_args(arguments)
    running = shared_directory.running()
    chosen = [path for pid, path in running.items() if options.pid in (None, pid)]
    if len(chosen) != 1:
        expected = "one server" if options.pid is None else f"a server with the process id {options.pid}"
        sys.stderr.write(f"expected {expected}, found {', '.join(map(str, sorted(running))) or 'none'}; see --pid.\n")
        return 1
    process_table.find(chosen[0]).server.draining = not options.undo
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
