"""Serves an estimator of this process: a server in a process of its own, and the object that stands for it."""

import json
import os
import re
from collections.abc import Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from typing import Any, Final, Self

from mlservice.card import card
from mlservice.errors import Error
from mlservice.kept import Command, Kept
from mlservice.packing import Packed, pack_with
from mlservice.rows import as_rows, batches

_SERVER: Final = Command(["-m", "gunicorn"], out="predictions.log", err="server.log")
_DEFAULTS: Final = {"DRAIN_SECONDS": "0"}  # no load balancer is watching
_LISTENING: Final = re.compile(r"Listening at: http://\S+:(\d+)")
_REASON: Final = re.compile(r"^ml-service: (\w[\w ]*): (.*)$", re.MULTILINE)
_SECONDS: Final = 600.0  # that an answer may take
_SHOWN: Final = 4000  # characters of a log
_MOST_ROWS: Final = 10_000  # of one request, the server's default
_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104  # where the caller asks for it


def serve(
    estimator: Any,
    data: Any = None,
    *,
    name: str | None = None,
    version: str = "1",
    host: str = "127.0.0.1",
    port: int = 0,
    workers: int = 1,
    code: str | os.PathLike[str] | None = None,
    allow_pickle: bool = False,
    compiled: bool = True,
    thresholds: Mapping[Any, float] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> "Server":
    """Pack a fitted estimator, start a server of it, and return the server when it is ready; raises Error.

    The server listens on a free port of this machine, or where `host` and `port` say. It ends when it is stopped, when
    the returned object is not used any more, and with this process, however that ends. `settings` are the server's
    (docs/settings.md), and the other parameters those of `pack`.
    """
    options = {"version": version, "allow_pickle": allow_pickle, "compiled": compiled, "thresholds": thresholds}
    kept = Kept()
    try:
        packed = pack_with(kept, estimator, kept.folder / "bundle", data, code, name=name, **options)
        where = {"HOST": host, "PORT": port, "WEB_CONCURRENCY": workers}
        what = {"MODEL_DIR": packed.directory, "MODEL_SHA256": packed.digest, "MODEL_CODE": packed.code or ""}
        environ = {**_DEFAULTS, **(settings or {}), **where, **what, "ALLOW_PICKLE": int(allow_pickle)}
        kept.start(_SERVER, {setting: str(value) for setting, value in environ.items()})
        server = Server(kept, packed, "127.0.0.1" if host in _EVERYWHERE else host, _dtype_of(estimator))
    except BaseException:
        kept.close()
        raise
    print(f"{packed.name} {packed.version} is served at {server.url} until server.stop(), or this process ends.")
    return server


class Server:
    """A running server; `with` stops it at the end of the block.

    `url` is where it is, `packed` the bundle, `log` the file with what it says, `predictions` the file with its log of
    predictions.
    """

    def __init__(self, kept: Kept, packed: Packed, host: str, dtype: Any) -> None:
        self._kept, self._dtype = kept, dtype
        self.packed = packed
        self.log, self.predictions = kept.folder / _SERVER.err, kept.folder / _SERVER.out
        found = kept.wait_for(lambda: _LISTENING.search(kept.read(_SERVER.err)))
        self._address = host, int(found[1]) if found else 0
        if not (found and kept.wait_for(self._is_ready)):
            raise _failure(kept.read(_SERVER.err))
        self.model: dict[str, Any] = self._ask("GET", "/model")

    @property
    def url(self) -> str:
        """Where the server is: the model's page in a browser, and the address for clients."""
        host, port = self._address
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def running(self) -> bool:
        """Whether the server runs."""
        return not self._kept.ended

    def predict(self, rows: Any) -> Any:
        """Return the prediction for each row, as the estimator's `predict` does; raises Error.

        `rows` may be a data frame, an array, a list of rows, or a dict, which is one row.
        """
        import numpy as np  # noqa: PLC0415  # nothing is imported before it is needed

        labels = np.asarray([label for answer in self._predict(rows) for label in answer["predictions"]])
        return labels if self._dtype is None else labels.astype(self._dtype)

    def predict_proba(self, rows: Any) -> Any:
        """Return the probability of each class for each row, as the estimator's `predict_proba` does; raises Error."""
        import numpy as np  # noqa: PLC0415  # likewise

        answers = self._predict(rows)
        if answers and "probabilities" not in answers[0]:
            raise Error("no_probabilities", f"{self.packed.name} gives no probabilities; use predict.")
        found = [row for answer in answers for row in answer["probabilities"]]
        if found and isinstance(found[0][0], list):
            return [np.asarray(each) for each in zip(*found, strict=True)]
        return np.asarray(found)

    def stop(self) -> None:
        """Stop the server, and remove its files; may be called again."""
        self._kept.close()

    def __enter__(self) -> Self:
        """Return the server."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def __repr__(self) -> str:
        """Say what it serves, and where."""
        where = f"at {self.url}" if self.running else "stopped"
        return f"<mlservice.Server {self.packed.name} {self.packed.version} ({self.model['engine']}) {where}>"

    def _repr_html_(self) -> str:
        return card(self.url if self.running else None, self.model, self._example())

    def _example(self) -> Any:
        with suppress(OSError, ValueError, LookupError):  # it was stopped, or is not there any more
            return json.loads((self.packed.directory / "manifest.json").read_text())["golden"]["rows"][0]
        return None

    def _predict(self, rows: Any) -> list[Any]:
        return [self._ask("POST", "/predict", {"instances": each}) for each in batches(as_rows(rows), _MOST_ROWS)]

    def _is_ready(self) -> bool:
        with suppress(OSError, HTTPException, Error):
            return bool(self._ask("GET", "/health/ready"))
        return False

    def _ask(self, method: str, path: str, document: Any = None) -> Any:
        """Return the server's answer; raises Error, also if there is none."""
        body = None if document is None else json.dumps(document, ensure_ascii=False).encode()
        with closing(HTTPConnection(*self._address, timeout=_SECONDS)) as connection:
            try:
                connection.request(method, path, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                found = json.loads(answer.read())
            except (OSError, HTTPException) as error:
                if not self.log.exists():
                    raise Error("no_answer", f"{self!r} does not answer; start another one: mlservice.serve.") from None
                raise Error("no_answer", f"{self!r} does not answer ({error}); {self.log} may say why.") from error
        if answer.status != 200:
            raise Error(found["code"], found["detail"])
        return found


def _failure(log: str) -> Error:
    """Return why the server has not started, with what it said."""
    reasons = _REASON.findall(log)
    code, reason = reasons[-1] if reasons else ("boot_failed", "the server has ended while it started.")
    error = Error(code, reason)
    error.add_note(f"The server's log:\n{log[-_SHOWN:]}")
    return error


def _dtype_of(estimator: Any) -> Any:
    """Return the dtype of a classifier's labels; None if it is not known, or is that of what JSON has."""
    with suppress(Exception):  # an estimator may compute it, and raise anything
        return estimator.classes_.dtype
    return None
