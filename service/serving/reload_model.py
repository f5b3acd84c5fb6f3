"""Loads the model that was fetched, at the start and again while an old one is served, which stays if that fails."""

import gc
import time

from model.bundle import operator_code
from service.config.settings import Settings
from service.http.app import Services
from service.serving.fetch import Fetched, assembled
from service.serving.served_model import ServedModel


def load_fetched(settings: Settings, fetched: Fetched) -> ServedModel:
    """Load what was fetched, and touch no file; raises ModelError and what the operator's code may raise."""
    with operator_code.replay_imports(fetched.modules):
        loaded = assembled(settings, fetched.bundle, fetched.names)
    return ServedModel.of(loaded, time.time(), settings.max_rows, settings.model_name)


def reload_model(parts: Services, fetched: Fetched) -> str:
    """Serve what was fetched from the next workers on, to whom it names.

    Returns why not, and then all stays as it was; "" if so. No exception leaves: it would end the server.
    """
    try:
        served = load_fetched(parts.settings, fetched)
        parts.metrics.declare_classes(served.contract.signature)
        parts.model.current = served
        parts.auth.hashes = fetched.hashes
        freeze_heap()
    except Exception as error:  # noqa: BLE001  # see above
        return f"{type(error).__name__}: {error}"
    return ""


def freeze_heap() -> None:
    """Take what is loaded out of the garbage collector's sight, so that no collection copies pages shared by fork."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
