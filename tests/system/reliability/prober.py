"""Health checks as kubelet and load balancers send them: each on a connection of its own, at a steady rate.

`python -m tests.system.reliability.prober PORT SECONDS RATE PATH...` asks the paths in turn and prints one JSON object
by path: `p99` and `longest` in seconds from the connect to the whole answer, and `failed`, how many were not 200 within
ten seconds.
"""

import json
import socket
import statistics
import sys
import threading
import time

TIMEOUT_SECONDS = 10.0


def ask(port, path):
    """Return how long a check took, and whether it was answered with 200."""
    start = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n".encode())
            answer = sock.makefile("rb").read()
    except OSError:
        answer = b""
    return time.monotonic() - start, answer.startswith(b"HTTP/1.1 200 ")


def run(port, seconds, rate, paths):
    """Send checks for so long; a check that waits does not hold up the next."""
    found = {path: [] for path in paths}
    threads = []
    start = time.monotonic()
    for place in range(int(seconds * rate)):
        time.sleep(max(0.0, start + place / rate - time.monotonic()))
        path = paths[place % len(paths)]
        thread = threading.Thread(target=lambda path=path: found[path].append(ask(port, path)))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    return {path: summary(answers) for path, answers in found.items()}


def summary(answers):
    """Return the figures of one path's checks."""
    times = sorted(seconds for seconds, _ in answers)
    return {
        "p99": statistics.quantiles(times, n=100, method="inclusive")[98],
        "longest": times[-1],
        "failed": sum(not right for _, right in answers),
    }


if __name__ == "__main__":
    port, seconds, rate, *paths = sys.argv[1:]
    sys.stdout.write(json.dumps(run(int(port), float(seconds), float(rate), paths)))
