"""What the process tree is handed: how to swap what it serves, whom to tell what happens, and what its workers need.

It knows no more of the application than this and its WSGI callable.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from service.config.settings import Settings
from service.server.shared_state import State
from service.tracing.context import RequestIds


class ModelSwap(Protocol):
    """Replaces the model that workers serve. A step that fails raises service.config.refusals.Refused.

    The master calls them in this order: try_in_fork, load; then new workers start, and each calls prove; then commit
    if all of them are ready, roll_back if not.
    """

    tried: str  # the state of MODEL_DIR when it was last tried; "" if that is not known

    @property
    def name(self) -> str:
        """The name and version of the model that is served, for the log."""

    def try_in_fork(self, meanwhile: Callable[[], bool], first: Callable[[], None]) -> None:
        """Try what is there now in processes of its own, which may hang or crash.

        Calls `first` in each of them, and `meanwhile` in this one again and again; gives up when that returns False.
        """

    def load(self) -> None:
        """Load what was tried, for the workers that start from now on; do nothing if nothing was tried."""

    def prove(self) -> None:
        """Check, in a worker, that the model answers as it should."""

    def commit(self) -> None:
        """Forget the model that was there before the last load."""

    def roll_back(self) -> None:
        """Put back the model that was there before the last load, unless that load was committed."""


@dataclass(frozen=True)
class MasterEvents:
    """Functions that are called when something happens, to count it."""

    draining: Callable[[bool], object]
    reloaded: Callable[[bool], object]  # whether the new model is served
    clock_set: Callable[[str], object]  # "back" or "forward"
    worker_not_started: Callable[[], object]
    worker_lost: Callable[[str], object]  # "boot", "died", "hung" or "silent"
    worker_gone: Callable[[str], object]  # its slot
    workers_wanted: Callable[[int], object]  # how many there are to be; called again and again
    # What is served was looked for where it comes from: "unchanged", "replaced" or "failed".
    origin_checked: Callable[[str], object]


@dataclass(frozen=True)
class EarlyRefusal:
    """A request that never reached the application; method and path are empty if they were not read."""

    code: str
    ids: RequestIds
    client: str  # the address
    method: str
    path: str


@dataclass(frozen=True)
class WorkerEvents:
    """Called with what happens in a worker, for whoever counts it."""

    connection_closed: Callable[[str], object] = lambda _: None  # for want of room: "idle" or "slow"
    out_of_descriptors: Callable[[], object] = lambda: None
    refused: Callable[[EarlyRefusal], object] = lambda _: None
    threads_abandoned: Callable[[], object] = lambda: None  # the worker ends, and leaves threads that do not return
    # The worker ends: is given how many seconds it has left, and what to call again and again meanwhile.
    leaving: Callable[[float, Callable[[], object]], object] = lambda _, __: None
    # About every half second, in the main loop, also when it is busy; and once when the worker ends. It is to be quick.
    periodic: Callable[[], object] = lambda: None


NO_EVENTS: Final = WorkerEvents()


@dataclass(frozen=True)
class Hosted:
    """The application as the process tree sees it."""

    settings: Settings
    state: State
    directory: Path  # of files that the processes share
    swap: ModelSwap
    events: MasterEvents
    watch_command: tuple[str, ...]  # of the program that watches MODEL_DIR, but for the master's process id
    make_room: Callable[[str], bool]  # in the master: reserves space for the metrics of a slot, if there is any
    enter_slot: Callable[[str], None]  # is given a worker's slot, in that worker, right after its fork
    end_with_parent: Callable[[int, int], None]  # has the kernel send this process a signal when its parent has ended
    stderr_for_crashes: Callable[[], int]  # returns a descriptor for faulthandler's output
    set_up: Callable[[Any], None]  # is given a worker that has proven the model, before it takes requests
