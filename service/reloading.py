"""Loads the model, at the start and again while the old one is served; a failure leaves the old one."""

import gc
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from model.errors import DigestMismatch, ModelError
from model.forking import in_fork
from model.loading import load, prove
from model.trust import Trust
from service.access import Access
from service.app import Parts
from service.served import ServedModel
from service.settings import SettingError, Settings

logger = logging.getLogger(__name__)
SILENT = "it hangs, or crashes the process that tries it"
CHANGED = "it has been replaced while it was tried; reload again"


def load_served(settings: Settings) -> ServedModel:
    """Load the bundle of the settings; raises ModelError and SettingError."""
    trust = Trust(settings.model_sha256, settings.allow_pickle, settings.model_code)
    loaded = load(settings.model_dir, trust, compiled=settings.engine == "auto")
    _check_redacted(settings, loaded.manifest.signature.names)
    return ServedModel.of(loaded, time.time(), settings.max_rows, settings.model_name)


def _check_redacted(settings: Settings, names: Sequence[str]) -> None:
    """Refuse to redact what the model does not have: a misspelt name would be logged in full."""
    if unknown := [name for name in settings.log_redact if name not in names]:
        raise SettingError(f"LOG_REDACT={', '.join(unknown)}: expected features of the model: {', '.join(names)}.")


def tried(work: Callable[[], dict[str, Any]], seconds: float, meanwhile: Callable[[], bool]) -> dict[str, Any]:
    """Do the work in a process of its own, as in_fork does; return what it says, what is wrong as "error", or ""."""
    try:
        return in_fork(work, seconds, meanwhile) or {"error": SILENT}
    except Exception as error:  # noqa: BLE001  # no process to be had, or whatever is done meanwhile
        return {"error": f"{type(error).__name__}: {error}"}


def reload_model(parts: Parts, digest: str) -> str:
    """Serve the bundle that was tried from the next workers on, to whom TOKENS_FILE names now.

    Returns why not, and then all stays as it was; "" if so. What has another digest by now is not loaded: it might hang
    or crash. No exception leaves: it would end the server.
    """
    try:
        access = Access.read(parts.settings.tokens_file)
        served = load_served(replace(parts.settings, model_sha256=digest))
        parts.metrics.declare_classes(served.class_labels)
        parts.holder.swap(served)
        parts.gate.access = access
        freeze_heap()
    except DigestMismatch:
        return CHANGED
    except Exception as error:  # noqa: BLE001  # see above
        return f"{type(error).__name__}: {error}"
    return ""


def try_model(settings: Settings) -> dict[str, Any]:
    """Load and prove what is in MODEL_DIR, for a forked process; say its digest and, as "error", what is wrong."""
    try:
        loaded = load_served(settings).loaded
        prove(loaded)
    except (ModelError, SettingError) as error:
        return {"error": f"{getattr(error, 'code', 'bad setting')}: {error}"}
    return {"error": "", "digest": loaded.digest}


def freeze_heap() -> None:
    """Take what is loaded out of the garbage collector's sight, so that no collection copies pages shared by fork."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
