"""A process of its own that decodes bodies, and says what each of them cost.

Memory is how far the resident pages of the process grow (VmHWM, made what is used now before each body): tracemalloc
sees what Python and numpy allocate, but not what simdjson, orjson and zlib do for themselves; ru_maxrss never falls, so
that one large body would hide all later ones. malloc gives back what is freed, so that no body lives on another's. A
body that kills the process, has it hang, or wants more than its limit is a finding; the next gets a new process.
"""

import ctypes
import gc
import multiprocessing
import resource
import time
from dataclasses import dataclass, field
from pathlib import Path

from model.loading import load
from service.config.settings import Settings
from service.errors import ServiceError, describe
from service.formats.content_encoding import decompress
from service.protocols.registry import registry_of
from service.serving.served_model import ServedModel
from service.tracing.context import RequestIds, trace_of
from tests.amplification import most_memory, most_seconds
from tests.victims import MOST_ROWS

MOST_BODY = 16 * 2**20
LIMIT = 2**30  # far beyond what any body here may take, and what a machine of CI has
HANGS_SECONDS = 20.0
TRIES = 3  # a body is as slow as its quickest try
CODECS = {codec.name: codec for codec in registry_of(Settings.from_env({})).codecs}
_MMAP_THRESHOLD = -3  # mallopt(3)


@dataclass(frozen=True)
class Body:
    """What is asked: of which codec and model, packed with a coding or not, and how many bytes it is unpacked."""

    codec: str
    victim: str
    content: bytes
    size: int
    headers: dict[str, str] = field(default_factory=dict)
    coding: str = ""

    def __repr__(self) -> str:
        """Say what it is without all that is in it."""
        about = f"{self.coding or 'not packed'}, {len(self.content)} bytes, {self.size} unpacked"
        return f"<{self.codec} to {self.victim}, {self.headers}, {about}: {self.content[:60]!r}>"


@dataclass(frozen=True)
class Cost:
    """What came of a body: `ok`, the code of a refusal, or what should not have happened; with what that took."""

    outcome: str
    sound: bool
    seconds: float = 0.0
    memory: int = 0


class Decoding:
    """Decodes bodies in a process that is started again when one of them ends it."""

    def __init__(self, bundles):
        self._bundles = bundles
        self._start()

    def cost(self, body):
        """Return the least that a body cost in a few tries, as soon as that is little enough."""
        found = self._once(body)
        for _ in range(TRIES - 1):
            if not found.sound or found.seconds <= most_seconds(body.size):
                break
            found = min(found, self._once(body), key=lambda cost: cost.seconds)
        return found

    def stop(self):
        self._process.kill()
        self._process.join()

    def _start(self):
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._bundles), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe.recv()

    def _once(self, body):
        try:
            self._pipe.send(body)
            if self._pipe.poll(HANGS_SECONDS):
                return self._pipe.recv()
            said = f"no answer within {HANGS_SECONDS} s"
        except (EOFError, BrokenPipeError):
            said = "the process died"
        self.stop()
        self._start()
        return Cost(said, sound=False)


def excess(body, cost):
    """Return what is wrong with what a body cost, "" if nothing is."""
    if not cost.sound:
        return cost.outcome
    if cost.seconds > most_seconds(body.size):
        return f"{cost.seconds:.2f} s where {most_seconds(body.size):.2f} s are its share"
    if cost.memory > most_memory(body.size):
        return f"{cost.memory} bytes of memory where {most_memory(body.size)} are its share"
    return ""


def _serve(pipe, bundles):
    models = {name: ServedModel.of(load(bundle), 1e9, MOST_ROWS) for name, bundle in bundles.items()}
    libc = ctypes.CDLL(None)
    libc.mallopt(_MMAP_THRESHOLD, 128 * 1024)
    gc.collect()
    gc.freeze()
    most = _status("VmData") + LIMIT
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    pipe.send("ready")
    while True:
        body = pipe.recv()
        gc.collect()
        libc.malloc_trim(0)
        pipe.send(_measured(models[body.victim].contract, body))


def _measured(contract, body):
    Path("/proc/self/clear_refs").write_text("5")
    before, start = _status("VmRSS"), time.process_time()
    outcome, sound = _outcome(contract, body)
    return Cost(outcome, sound, time.process_time() - start, _status("VmHWM") - before)


def _outcome(contract, body):
    codec = CODECS[body.codec]
    try:
        content = decompress(body.content, body.coding, MOST_BODY)
        codec.decode(content, lambda name: body.headers.get(name, ""), contract)
    except ServiceError as error:
        failure = describe(error)
        codec.refuse(failure, RequestIds("id", trace_of({})))
        return failure.code, 400 <= failure.status < 500
    except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
        return f"{type(error).__name__}: {error}"[:300], False
    return "ok", True


def _status(name):
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0]) * 1024
