"""The figures of a run, which tests write as JSON lines, and docs/reliability.md, which is made from them."""

import json
import os
import sys
from pathlib import Path

FULL = os.environ.get("RELIABILITY") == "full"
HEADER = """# Reliability

What was measured when this file was last written, by tests that fail if a figure falls short. `make reliability` runs
them at full length and writes this file; `make test-proxies` runs the same tests, shorter; `make soak` runs the soak
alone. They use a real gunicorn, and Debian's nginx and HAProxy with the files of deploy/. Client, proxies and servers
share {cpus} CPUs, whose load average was {least:.0f} to {most:.0f} meanwhile, other programs included.

"""
SECTIONS = ["Overload", "Crowds", "Slow clients", "Restarts", "kill -9", "Faults", "Schedule", "HTTP", "Soak"]


def scaled(full, short):
    """Return how long or how often, in a full run or a short one."""
    return full if FULL else short


def write(section, what, expected, measured):
    """Add one figure to the file that RELIABILITY_FIGURES names, if it is set."""
    if path := os.environ.get("RELIABILITY_FIGURES"):
        line = {
            "section": section,
            "what": what,
            "expected": expected,
            "measured": measured,
            "load": os.getloadavg()[0],
        }
        with Path(path).open("a") as file:
            file.write(json.dumps(line) + "\n")


def table(lines):
    """Return the document; of two figures for the same thing, the later one counts."""
    latest = {(line["section"], line["what"]): line for line in lines}
    loads = [line["load"] for line in latest.values()]
    text = [HEADER.format(cpus=os.cpu_count(), least=min(loads), most=max(loads))]
    for section in sorted({section for section, _ in latest}, key=SECTIONS.index):
        text.append(f"## {section}\n\n| what | expected | measured |\n|---|---|---|\n")
        rows = (line for (its, _), line in latest.items() if its == section)
        text.extend(f"| {line['what']} | {line['expected']} | {line['measured']} |\n" for line in rows)
        text.append("\n")
    return "".join(text).rstrip() + "\n"


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_text(table([json.loads(line) for line in source.read_text().splitlines()]))
