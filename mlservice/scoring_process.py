"""The process that scores for this one: started when it is first needed, and replaced if it dies."""

import json
import os
import signal
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import IO, Any, Final, cast

from mlservice import application
from mlservice.errors import Error

NAMES, ARROW, CELLS = b"n", b"a", b"c"  # kinds of requests
_SIZE: Final = struct.Struct("<Q")
_TRIES: Final = 2
_MODELS: Final = 4  # that one process holds; the one that was not used for longest goes first
_PROGRAM: Final = (
    "import os, sys; from model.thread_limits import limit_threads; limit_threads(os.environ); "
    "from service.commands.score_batches import main; main(*sys.argv[1:])"
)
Bad = list[tuple[int, str, str]]  # the rows that cannot be scored: position, code, reason


@dataclass(frozen=True)
class Given:
    """How a model is to be loaded, and which of its outputs are wanted; `settings` are pairs of names and values."""

    outputs: tuple[str, ...] = ()
    pin: str | None = None
    allow_pickle: bool = False
    signature_key: str | None = None
    code: str | None = None
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Model:
    """What the process says of its model: the columns it takes, those it adds with their types, and most rows."""

    digest: str
    columns: tuple[str, ...]
    added: tuple[tuple[str, str], ...]
    most_rows: int


class ScoringProcess:
    """Scores with one model; may be used by several threads, which take turns."""

    def __init__(self, bundle: str, digest: str, given: Given) -> None:
        self._options = json.dumps({"bundle": bundle, **asdict(given), "settings": dict(given.settings)})
        self._digest, self._owner = digest, os.getpid()
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._model: Model | None = None
        self._checked: set[tuple[tuple[str, ...], ...]] = set()

    @property
    def model(self) -> Model:
        """What the model is; raises Error."""
        with self._lock:
            if self._model is None:
                self._start()
            return cast(Model, self._model)

    def is_of(self, pid: int) -> bool:
        """Whether a process may use this, or is a fork of the one that may."""
        return self._owner == pid

    def check(self, names: Sequence[str], ids: Sequence[str]) -> None:
        """Raise Error unless these are names of columns that the model can take, among them the ids."""
        key = tuple(names), tuple(ids)
        if key not in self._checked:
            self._ask(NAMES, json.dumps(key).encode())
            self._checked.add(key)

    def score(self, kind: bytes, content: bytes) -> tuple[Bad, bytes]:
        """Return the rows that cannot be scored, and an Arrow stream of the others' predictions; raises Error."""
        head, answer = self._ask(kind, content)
        return [(row, code, reason) for row, code, reason in head["bad"]], answer

    def close(self) -> None:
        """End the process; another one is started when it is needed."""
        with self._lock:
            if self._process is not None:
                self._end()
                self._process = None

    def _ask(self, kind: bytes, content: bytes) -> tuple[dict[str, Any], bytes]:
        with self._lock:
            for _ in range(_TRIES):
                if self._process is None:
                    self._start()
                process = cast(subprocess.Popen[bytes], self._process)
                try:
                    stdin = cast(IO[bytes], process.stdin)
                    for each in (_SIZE.pack(len(content) + 1), kind, content):
                        stdin.write(each)
                    stdin.flush()
                    return _checked(_received(process))
                except (BrokenPipeError, EOFError):
                    how = self._ended()
                except Error:
                    raise
                except BaseException:  # an answer may still come, which would be taken for the next one's
                    process.kill()
                    self.close()
                    raise
        raise Error("worker_died", f"the process that scored a batch was ended twice ({how}); is there enough memory?")

    def _start(self) -> None:
        command = [sys.executable, "-c", _PROGRAM, self._options, str(os.getpid())]
        self._process = subprocess.Popen(  # noqa: S603  # our own program
            command, env=application.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._end = weakref.finalize(self, _end, self._process, os.getpid())
        try:
            found = _checked(_received(self._process))[0]
        except EOFError:
            how = self._ended()
            raise Error("boot_failed", f"the scoring process ended while it started ({how}).") from None
        except BaseException:  # Ctrl-C, too: a process whose model nobody knows must not stay
            self._process.kill()
            self.close()
            raise
        if found["digest"] != self._digest:
            self.close()
            raise Error("digest_mismatch", "the bundle was replaced while it was loaded; score again.")
        added = tuple((name, dtype) for name, dtype in found["added"])
        self._model = Model(found["digest"], tuple(found["columns"]), added, found["most_rows"])

    def _ended(self) -> str:
        """Return how the process has ended."""
        process = cast(subprocess.Popen[bytes], self._process)
        self.close()
        status = process.returncode
        return signal.Signals(-status).name if status < 0 else f"exit code {status}"


@lru_cache(_MODELS)
def shared(bundle: str, digest: str, given: Given, _owner: int) -> ScoringProcess:
    """Return what scores with a bundle, the same for all who ask in one process; a fork of it gets another."""
    return ScoringProcess(bundle, digest, given)


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """End a process that scores, unless this one is a fork of its owner."""
    if owner == os.getpid():
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                cast(IO[bytes], pipe).close()
        process.wait()


def _received(process: subprocess.Popen[bytes]) -> tuple[dict[str, Any], bytes]:
    """Return an answer; raises EOFError if the process has ended."""
    stdout = cast(IO[bytes], process.stdout)
    parts = []
    for _ in range(2):
        size = _SIZE.unpack(_read(stdout, _SIZE.size))[0]
        parts.append(_read(stdout, size))
    return json.loads(parts[0]), parts[1]


def _read(file: IO[bytes], size: int) -> bytes:
    content = file.read(size)
    if len(content) < size:
        raise EOFError
    return content


def _checked(answer: tuple[dict[str, Any], bytes]) -> tuple[dict[str, Any], bytes]:
    head, _ = answer
    if "code" in head:
        raise Error(head["code"], head["message"])
    return answer
