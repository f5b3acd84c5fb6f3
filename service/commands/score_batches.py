"""Scores batches that another process sends: the program that `mlservice.Scorer` runs beside a worker of Ray or Spark.

Requests come on stdin and answers go to stdout; each part is its size and then so many bytes. A request is one byte,
which says its kind, and its content. An answer has two parts: a JSON object, and the predictions as an Arrow stream.
The first answer comes without a request and describes the model. The program ends when stdin ends, or its parent does.
"""

import json
import os
import select
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

from model.bundle.trust import Trust
from model.errors import ModelError
from model.loading import verify
from service.commands.scored_model import load_for_scoring
from service.config.settings import SettingError
from service.scoring.arrow_rows import ArrowRows
from service.scoring.batches import bad_rows_of
from service.scoring.columns import Kept, check_columns
from service.scoring.scorer import Scorer
from service.scoring.stopped import Stopped
from service.serving.served_model import ServedModel

_SIZE: Final = struct.Struct("<Q")
_LOOK_MILLISECONDS: Final = 2000  # between two checks whether the parent is alive
_NOTHING: Final = b""
Answer = tuple[dict[str, Any], bytes]


def main(options: str, parent: str) -> None:
    """Load a model as `options`, a JSON object, say, and answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all processes; the parent decides
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # so that what the model's own code prints does not mix with the answers
    given = json.loads(options)
    start = time.monotonic()
    answered: dict[bytes, Callable[[bytes], Answer]] = {}

    def begin(_: bytes) -> Answer:
        served = _load(given)
        scorer = Scorer.of(served, given["outputs"])
        answered.update(_answers(scorer))
        model = f"{served.loaded.manifest.name} {served.loaded.manifest.version} ({served.loaded.digest[:12]})"
        took = f"{time.monotonic() - start:.2f} s"
        sys.stderr.write(f"ml-service: {model} loaded in {took} by process {os.getpid()} for process {parent}\n")
        sys.stderr.flush()
        return _described(scorer), _NOTHING

    _send(answers, *_tried(begin, _NOTHING))
    if answered:
        for kind, content in _requests(sys.stdin.buffer, int(parent)):
            _send(answers, *_tried(answered[kind], content))


def _load(given: dict[str, Any]) -> ServedModel:
    keys, code = (given[name] and Path(given[name]) for name in ("signature_key", "code"))
    trust = Trust(given["pin"], given["allow_pickle"], code, keys=keys)
    served = load_for_scoring(Path(given["bundle"]), trust, given["settings"])
    verify(served.loaded)
    return served


def _described(scorer: Scorer) -> dict[str, Any]:
    """Return what the sender has to know about the model."""
    contract = scorer.contract
    return {
        "digest": contract.identity.digest,
        "columns": list(contract.tables.names),
        "added": [[name, spec.dtype] for spec in scorer.outputs for name in spec.columns],
        "most_rows": scorer.most_rows,
    }


def _answers(scorer: Scorer) -> dict[bytes, Callable[[bytes], Answer]]:
    """Return a function for each kind of request: names of columns, an Arrow stream, or columns of JSON values."""
    rows = ArrowRows(scorer)

    def check(content: bytes) -> Answer:
        names, kept = json.loads(content)
        check_columns(names, scorer, Kept(every=False, names=tuple(kept)))
        return {}, _NOTHING

    def score(content: bytes, *, as_cells: bool) -> Answer:
        scored = rows.score_columns(json.loads(content), 0) if as_cells else rows.score(content, 0)
        return {"bad": [[each.line, each.code, each.reason] for each in bad_rows_of(scored.bad)]}, scored.content

    return {
        b"n": check,
        b"a": lambda content: score(content, as_cells=False),
        b"c": lambda content: score(content, as_cells=True),
    }


def _tried(answer: Callable[[bytes], Answer], content: bytes) -> Answer:
    """Return the answer, or a description of the failure."""
    try:
        return answer(content)
    except (ModelError, SettingError, Stopped) as error:
        return {"code": error.code, "message": str(error)}, _NOTHING
    except Exception as error:  # noqa: BLE001  # the model's own code may raise anything
        reason = " ".join(str(error).split())[:500]
        return {"code": "failed", "message": f"the model failed: {type(error).__name__}: {reason}"}, _NOTHING


def _requests(file: IO[bytes], parent: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and content of each request; the parent sends the next one only after the answer."""
    poll = select.poll()
    poll.register(file, select.POLLIN)
    while True:
        while not poll.poll(_LOOK_MILLISECONDS):
            if os.getppid() != parent:  # a fork of the parent may still have the pipe open
                return
        head = file.read(_SIZE.size)
        if len(head) < _SIZE.size:
            return
        content = file.read(_SIZE.unpack(head)[0])
        yield content[:1], content[1:]


def _send(file: IO[bytes], head: dict[str, Any], content: bytes) -> None:
    for part in (json.dumps(head).encode(), content):
        file.write(_SIZE.pack(len(part)))
        file.write(part)
    file.flush()
