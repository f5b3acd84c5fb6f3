"""Reads and tries the model in forked processes, which touch all the files there are to be touched.

They hand over what they have read: the bundle, the operator's code, the tokens. So what is loaded is what was tried,
and a file system that hangs stops such a process only.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, BinaryIO

from model.bundle import operator_code, transfer
from model.bundle.manifest import Bundle, read_bundle
from model.bundle.trust import Trust, make_importable, modules_in
from model.errors import ModelError
from model.forking import in_fork
from model.loading import Loaded, build, builder, verify
from service.config.refusals import BOOT_FAILED, Refused
from service.config.settings import SettingError, Settings
from service.serving.model_directory import Watch
from service.serving.tokens_file import read_hashes

# What a forked process says when something is wrong, and what is said of one that says nothing.
CODE, REASON = "code", "reason"
SILENT = {CODE: BOOT_FAILED, REASON: "it hangs, or crashes the process that tries it; see `python -m model check`"}


class NotFetched(Refused):
    """The model, the operator's code or the tokens cannot be read, or the model cannot be proven."""

    def __init__(self, code: str, reason: str, state: str = "") -> None:
        super().__init__(code, reason)
        self.state = state  # of MODEL_DIR before it was read; "" if that is not known


@dataclass(frozen=True)
class Fetched:
    """What a forked process has read and tried: the bundle, the operator's modules, and who may ask."""

    bundle: Bundle
    modules: operator_code.Modules
    names: frozenset[str]  # of all the operator's top-level modules
    hashes: tuple[bytes, ...] | None  # of the tokens that are let in; None: everybody is
    state: str  # of MODEL_DIR, before it was read


@dataclass(frozen=True)
class Trial:
    """How a model is tried: for how long, what is done again and again meanwhile, and what first in each process.

    With `imports` this process imports what it takes to load a model, before it forks the one that tries to, so that it
    need not be done twice; it may take seconds.
    """

    seconds: float
    meanwhile: Callable[[], bool] = lambda: True
    first: Callable[[], None] = lambda: None
    imports: bool = False


def tried(work: Callable[[], dict[str, Any]], trial: Trial) -> dict[str, Any]:
    """Do the work in a process of its own, as in_fork does; return what it says, with a code if something is wrong."""

    def after_the_first() -> dict[str, Any]:
        trial.first()
        return work()

    try:
        return in_fork(after_the_first, trial.seconds, trial.meanwhile) or SILENT
    except Exception as error:  # noqa: BLE001  # no process to be had, or whatever is done meanwhile
        return failure(error)


def failure(error: Exception) -> dict[str, Any]:
    """Return the code and the reason of an error; of one that is not ours, the reason begins with its type."""
    if isinstance(error, (ModelError, SettingError, Refused)):
        return {CODE: error.code, REASON: str(error)}
    return {CODE: BOOT_FAILED, REASON: f"{type(error).__name__}: {' '.join(str(error).split())}"}


def fetch(settings: Settings, trial: Trial) -> Fetched:
    """Read what is there now in one forked process, load and prove it in another; raises NotFetched."""
    try:
        with os.fdopen(os.memfd_create("bundle"), "w+b") as file:
            read = _checked(tried(partial(_read, settings, file), trial))
            bundle = transfer.receive(file)
            file.truncate(0)  # whoever was forked meanwhile has it open, too
    except (OSError, MemoryError) as error:
        raise NotFetched(**failure(error)) from None
    hashes = None if read["hashes"] is None else tuple(map(bytes.fromhex, read["hashes"]))
    names, state = frozenset(read["names"]), {"state": read["state"]}
    if trial.imports:
        _checked(state | _said(partial(_imported, settings, bundle)))
    said = _checked(state | tried(partial(_try, settings, bundle, names), trial))
    return Fetched(bundle, operator_code.Modules(**said["modules"]), names, hashes, read["state"])


def _imported(settings: Settings, bundle: Bundle) -> dict[str, Any]:
    builder(bundle, settings.model_dir, compiled=settings.engine == "auto")
    return {}


def _checked(said: dict[str, Any]) -> dict[str, Any]:
    if CODE in said:
        raise NotFetched(said[CODE], said[REASON], said.get("state", ""))
    return said


def _said(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do the work; return what it says, or what is wrong."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001  # whatever the operator's code may raise
        return failure(error)


def _read(settings: Settings, file: BinaryIO) -> dict[str, Any]:
    """Put the bundle into the file, and say the rest: the state of MODEL_DIR before, who may ask, names of modules."""
    code, state = settings.model_code, Watch(settings.model_dir, 0).state()

    def work() -> dict[str, Any]:
        hashes = None if settings.tokens_file is None else read_hashes(settings.tokens_file)
        transfer.send(read_bundle(settings.model_dir, settings.model_sha256), file)
        names = modules_in(code) if code is not None and code.is_dir() else ()
        return {"hashes": None if hashes is None else [each.hex() for each in hashes], "names": sorted(names)}

    return {"state": state} | _said(work)


def _try(settings: Settings, bundle: Bundle, names: frozenset[str]) -> dict[str, Any]:
    """Load and prove the bundle; say which of the operator's modules that took."""

    def work() -> dict[str, Any]:
        make_importable(settings.model_code)
        with operator_code.record_imports(settings.model_code) as modules:
            verify(assembled(settings, bundle, names))
        return {"modules": asdict(modules)}

    return _said(work)


def assembled(settings: Settings, bundle: Bundle, names: frozenset[str]) -> Loaded:
    """Make a model of what was read, as the settings want it; raises ModelError and SettingError."""
    trust = Trust(settings.model_sha256, settings.allow_pickle, settings.model_code, names)
    loaded = build(bundle, settings.model_dir, trust, compiled=settings.engine == "auto")
    _check_redacted(settings, loaded.manifest.signature.names)
    return loaded


def _check_redacted(settings: Settings, names: Sequence[str]) -> None:
    """Refuse to redact what the model does not have: a misspelt name would be logged in full."""
    if unknown := [name for name in settings.log_redact if name not in names]:
        raise SettingError(f"LOG_REDACT={', '.join(unknown)}: expected features of the model: {', '.join(names)}.")
