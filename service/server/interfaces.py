"""What the process tree is given: how to swap the model, which events to report, and what its workers need.

This and the WSGI callable are all that the process tree knows of the application.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from service.config.settings import Settings
from service.process_table import ProcessTable
from service.tracing.context import RequestIds
from service.tracing.request_span import HttpFacts


class ModelSwap(Protocol):
    """Replaces the model that workers serve. A step that fails raises service.config.refusals.Refused.

    The master calls them in this order: try_in_fork, load; then new workers start, and each calls prove; then commit
    if all of them are ready, roll_back if not.
    """

    tried: str  # the state of MODEL_DIR when it was last tried; "" if that is not known

    @property
    def name(self) -> str:
        """The name and version of the served model, for the log."""

    def try_in_fork(self, meanwhile: Callable[[], bool], first: Callable[[], None]) -> None:
        """Try the model that is there now in forked processes, which may hang or crash.

        Calls `first` in each forked process, and `meanwhile` repeatedly in this one; gives up when that returns False.
        """

    def load(self) -> None:
        """Load the model that was tried, for the workers that start from now on; do nothing if none was tried."""

    def prove(self) -> None:
        """Check, in a worker, that the model answers as it should."""

    def commit(self) -> None:
        """Forget the model that was served before the last load."""

    def roll_back(self) -> None:
        """Restore the model that was served before the last load, unless that load was committed."""


@dataclass(frozen=True)
class MasterEvents:
    """Functions that the master calls when something happens, to count it."""

    draining: Callable[[bool], object]
    reloaded: Callable[[bool], object]  # whether the new model is served
    clock_set: Callable[[str], object]  # "back" or "forward"
    worker_not_started: Callable[[], object]
    worker_lost: Callable[[str], object]  # "boot", "died", "hung" or "silent"
    worker_gone: Callable[[str], object]  # its slot
    # The outcome of a check of MODEL_URI for a new model: "unchanged", "replaced" or "failed".
    origin_checked: Callable[[str], object]


@dataclass(frozen=True)
class WorkerEvents:
    """Functions that a worker calls when something happens, to count it."""

    connection_closed: Callable[[str], object] = lambda _: None  # to make room for another one: "idle" or "slow"
    out_of_descriptors: Callable[[], object] = lambda: None
    # A request that does not reach the application is refused with a code; what was not read of it is empty.
    refused: Callable[[str, RequestIds, HttpFacts], object] = lambda *_: None
    threads_abandoned: Callable[[], object] = lambda: None  # the worker ends while threads have not returned
    # The worker ends; the arguments are how many seconds it has left, and a function to call repeatedly meanwhile.
    leaving: Callable[[float, Callable[[], object]], object] = lambda _, __: None
    # Called about every half second in the main loop, even a busy one, and when the worker ends. It must be quick.
    periodic: Callable[[], object] = lambda: None


NO_EVENTS: Final = WorkerEvents()


@dataclass(frozen=True)
class Hosted:
    """The application as the process tree sees it."""

    settings: Settings
    processes: ProcessTable
    directory: Path  # of files that the processes share
    swap: ModelSwap
    events: MasterEvents
    watch_command: tuple[str, ...]  # the program that watches MODEL_DIR; the master's process id is appended
    make_room: Callable[[str], bool]  # called in the master: reserves space for a slot's metrics, if there is any
    enter_slot: Callable[[str], None]  # called in a worker, right after its fork, with its slot
    end_with_parent: Callable[[int, int], None]  # has the kernel send this process a signal when its parent has ended
    stderr_for_crashes: Callable[[], int]  # returns a descriptor for faulthandler's output
    set_up: Callable[[Any], None]  # called with a worker that has proven the model, before it takes requests
