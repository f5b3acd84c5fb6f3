"""Runs the cells of a notebook in a real Jupyter kernel: `python kernel.py`, in the environment that has Jupyter.

The cells come from stdin as a JSON list; what each one shows is printed as one line of JSON. A cell `%interrupt` is the
notebook's button, and after the last cell the kernel is killed, as when memory runs out.
"""

import json
import os
import signal
import sys

from jupyter_client.manager import start_new_kernel

SECONDS = 120


def run(client, code):
    """Run a cell: what it prints, the last value by media type, and the error's name and message."""
    found = {"text": "", "shown": {}, "error": None}

    def note(message):
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                found["text"] += content["text"]
            case "execute_result" | "display_data":
                found["shown"] = content["data"]
            case "error":
                found["error"] = [content["ename"], content["evalue"]]

    client.execute_interactive(code, timeout=SECONDS, output_hook=note)
    return found


def main():
    manager, client = start_new_kernel()
    for cell in json.load(sys.stdin):
        if cell == "%interrupt":
            manager.interrupt_kernel()
            continue
        sys.stdout.write(json.dumps(run(client, cell)) + "\n")
    os.kill(manager.provisioner.pid, signal.SIGKILL)
    client.stop_channels()


if __name__ == "__main__":
    main()
