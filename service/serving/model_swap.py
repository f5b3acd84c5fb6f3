"""Replaces the served model by the one in MODEL_DIR; the old model can be restored until the swap is committed."""

import gc
from collections.abc import Callable
from dataclasses import replace

from model.loading import verify
from model.signature import Signature
from service.config.refusals import Refused
from service.config.settings import Settings
from service.serving.fetch import Fetched, NotFetched, Trial, failure, fetch, load_fetched
from service.serving.origin import Origin
from service.serving.served_model import ModelSlot


class ModelSwap:
    """The steps of service.server.interfaces.ModelSwap; the hashes of tokens change together with the model."""

    def __init__(
        self,
        settings: Settings,
        slot: ModelSlot,
        declare: Callable[[Signature], None],
        origin: Origin | None = None,
    ) -> None:
        self._settings, self._slot = settings, slot
        self._declare = declare  # called with the signature of a model before the model is served
        self._origin = origin  # from where the bundle is fetched before each trial
        self._fetched: Fetched | None = None
        self._previous: ModelSlot | None = None
        self.tried = ""

    @property
    def name(self) -> str:
        """The name and version of the served model."""
        identity = self._slot.current.contract.identity
        return f"{identity.name} {identity.version}"

    def try_in_fork(self, meanwhile: Callable[[], bool], first: Callable[[], None]) -> None:
        """Read, load and prove the model that is in MODEL_DIR now, in forked processes; raises Refused."""
        try:
            self._fetched = fetch(self._settings, Trial(self._settings.boot_seconds, meanwhile, first), self._origin)
        except NotFetched as error:
            self.tried = error.state
            raise
        self.tried = self._fetched.state

    def load(self) -> None:
        """Load the model that was tried, for the workers that start from now on; raises Refused."""
        fetched, self._fetched = self._fetched, None  # so that workers do not hold the memory of the files
        if fetched is None:
            return
        self._previous = replace(self._slot)
        try:
            served = load_fetched(self._settings, fetched)
            self._declare(served.contract.signature)
            self._slot.current, self._slot.hashes = served, fetched.hashes
            freeze_heap()
        except Exception as error:  # noqa: BLE001  # the operator's code may raise anything, and that would end the server
            raise Refused(**failure(error)) from None

    def prove(self) -> None:
        """Compare the model's answers with its golden rows, in a worker; raises GoldenMismatch."""
        verify(self._slot.current.loaded)

    def commit(self) -> None:
        """Forget the previous model, which can no longer be restored."""
        self._previous = None

    def roll_back(self) -> None:
        """Restore the model that was served before the last load, unless that load was committed."""
        if self._previous is not None:
            self._slot.current, self._slot.hashes = self._previous.current, self._previous.hashes
            self._previous = None


def freeze_heap() -> None:
    """Hide all present objects from the garbage collector, so that no collection copies pages that forks share."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
