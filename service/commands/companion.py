"""A process beside the server that shows its address, opens its page, and removes a temporary bundle afterwards.

The server itself does none of this: it takes the place of the command.
"""

import json
import os
import select
import shlex
import shutil
import signal
import sys
import webbrowser
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final

from model.commands.console import say, show
from model.commands.tables import fields
from service.config.settings import Settings

_LONGEST: Final = 400  # characters of an example
_PAUSE: Final = 0.05  # seconds between two checks whether the server is ready
_PATIENCE: Final = 5.0  # seconds to wait for one answer
# The addresses at which this machine reaches a server that listens on all addresses.
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


@dataclass(frozen=True)
class Companion:
    """What to do beside the server; `environ` is the server's environment, `temporary` a directory to remove."""

    environ: dict[str, str]
    opens: bool
    shows: bool
    temporary: Path | None = None

    def start(self) -> None:
        """Start the process, if there is anything to do. It is no child of the server, which this process becomes."""
        if not (self.temporary or self.opens or self.shows):
            return
        server = os.pidfd_open(os.getpid())
        child = os.fork()
        if child:
            os.close(server)
            os.waitpid(child, 0)
            return
        try:
            if not os.fork():
                self._run(server)
        finally:
            os._exit(0)

    def _run(self, server: int) -> None:
        """Do everything. The terminal's signals are for the server only; when that ends, this process ends, too."""
        os.setsid()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.dup2(os.open(os.devnull, os.O_RDWR), sys.stdout.fileno())  # nobody waits for this process to close it
        try:
            if _ready(self._host, self._port, server):
                self._greet()
            if self.temporary:
                select.select([server], [], [])
        finally:
            if self.temporary:
                shutil.rmtree(self.temporary, ignore_errors=True)

    @property
    def _host(self) -> str:
        host = self.environ["HOST"].strip("[]")
        return _ANYWHERE.get(host, host)

    @property
    def _port(self) -> int:
        return int(self.environ["PORT"])

    @property
    def _url(self) -> str:
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"

    def _greet(self) -> None:
        if self.shows:
            show(sys.stderr, "", fields(self.card()), *self._example(), "")
        if self.opens and not webbrowser.open(f"{self._url}/"):
            say(f"ml-service: no browser was found; open {self._url}/ in one")

    def card(self) -> dict[str, str]:
        """Return what to show about the server, as far as the server tells it without a token."""
        pages = Settings.from_env(self.environ).pages
        model = _ask(self._host, self._port, "/model") or {}
        facts = {"model": f"{model['name']} {model['version']}, computed by {model['engine']}"} if model else {}
        where = {"page": f"{self._url}/", "docs": f"{self._url}/docs"} if pages else {"address": f"{self._url}/"}
        token = {} if model else {"access": "callers need a token (TOKENS_FILE)"}
        return {**facts, **where, **token, "stop": "Ctrl-C"}

    def _example(self) -> list[str]:
        """Return a command to copy that sends a request with one of the model's golden rows."""
        with suppress(OSError, ValueError, KeyError, IndexError, TypeError):
            manifest = json.loads((Path(self.environ["MODEL_DIR"]) / "manifest.json").read_text())
            body = json.dumps({"features": manifest["golden"]["rows"][0]}, ensure_ascii=False)
            line = f"curl {self._url}/predict --json {shlex.quote(body)}"
            return [line] if len(line) <= _LONGEST else []
        return []


def _ready(host: str, port: int, server: int) -> bool:
    """Wait until the server is ready; return False if it ends before that."""
    while not select.select([server], [], [], _PAUSE)[0]:
        if _ask(host, port, "/health/ready") is not None:
            return True
    return False


def _ask(host: str, port: int, path: str) -> dict[str, Any] | None:
    """Return the JSON answer to a request; None if there is none, or its status is not 200."""
    connection = HTTPConnection(host, port, timeout=_PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        return json.loads(body) if answer.status == 200 else None
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
