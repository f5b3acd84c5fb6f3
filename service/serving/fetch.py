"""Reads and tries the model in forked processes, so that no other process touches the files.

The forked processes hand over what they have read: the bundle, the operator's code, the hashes of tokens. So the model
that is loaded is the one that was tried, and a file system that hangs stops only those processes.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
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
from service.protocols.base import MEMBERS
from service.serving.model_directory import state_of, watched_beside
from service.serving.origin import Origin
from service.serving.served_model import ServedModel
from service.serving.tokens_file import read_hashes
from service.validation.column_policy import ColumnPolicy

logger = logging.getLogger(__name__)
# The keys of a forked process's result if something is wrong, and the result that stands for one that returns nothing.
CODE, REASON = "code", "reason"
SILENT = {CODE: BOOT_FAILED, REASON: "it hangs, or crashes the process that tries it; see `python -m model check`"}


class NotFetched(Refused):
    """The model, the operator's code or the tokens cannot be read, or the model fails its trial."""

    def __init__(self, code: str, reason: str, state: str = "") -> None:
        super().__init__(code, reason)
        self.state = state  # of MODEL_DIR before it was read; "" if that is not known


@dataclass(frozen=True)
class Fetched:
    """What forked processes have read and tried: the bundle, the operator's modules, and the hashes of tokens."""

    bundle: Bundle
    modules: operator_code.Modules
    names: frozenset[str]  # of all the operator's top-level modules
    hashes: dict[bytes, str] | None  # each with its owner; None: no token is needed
    state: str  # of MODEL_DIR before it was read


@dataclass(frozen=True)
class Trial:
    """How a model is tried: for how many seconds, what to call repeatedly meanwhile, and what first in each process.

    With `imports`, this process imports the libraries that the model needs, before it forks the process that loads the
    model. So they are imported only once, which may take seconds.
    """

    seconds: float
    meanwhile: Callable[[], bool] = lambda: True
    first: Callable[[], None] = lambda: None
    imports: bool = False


def fetch(settings: Settings, trial: Trial, origin: Origin | None = None) -> Fetched:
    """Read what is in MODEL_DIR in one forked process, load and verify it in another; raises NotFetched.

    If there is an origin, another forked process fetches the bundle from it first.
    """
    if origin is not None:
        logger.info("fetching the model from %s", origin.uri)
        limit = replace(trial, seconds=origin.seconds)
        logger.info("%s", _checked(_in_fork(origin.bring, limit, origin.silent))["said"])
    try:
        with os.fdopen(os.memfd_create("bundle"), "w+b") as file:
            read = _checked(_in_fork(partial(_read, settings, file), trial))
            bundle = transfer.receive(file)
            file.truncate(0)  # to free its memory: a process that was forked meanwhile has the file open, too
    except (OSError, MemoryError) as error:
        raise NotFetched(**failure(error)) from None
    hashes = read["hashes"] and {bytes.fromhex(each): owner for each, owner in read["hashes"].items()}
    names, state = frozenset(read["names"]), {"state": read["state"]}
    if trial.imports:
        _checked(state | _result_of(partial(_import, settings, bundle)))
    tried = _checked(state | _in_fork(partial(_try, settings, bundle, names), trial))
    return Fetched(bundle, operator_code.Modules(**tried["modules"]), names, hashes, read["state"])


def failure(error: Exception) -> dict[str, Any]:
    """Return the code of an error and the reason, which begins with the type of an error that is not ours."""
    if isinstance(error, (ModelError, Refused)):
        return {CODE: error.code, REASON: str(error)}
    return {CODE: BOOT_FAILED, REASON: f"{type(error).__name__}: {' '.join(str(error).split())}"}


def _in_fork(work: Callable[[], dict[str, Any]], trial: Trial, silent: Mapping[str, str] = SILENT) -> dict[str, Any]:
    """Do the work in a forked process; return its result, or the failure."""

    def after_the_first() -> dict[str, Any]:
        trial.first()
        return _result_of(work)

    try:
        return in_fork(after_the_first, trial.seconds, trial.meanwhile) or dict(silent)
    except Exception as error:  # noqa: BLE001  # no process can be forked, or `meanwhile` fails
        return failure(error)


def _result_of(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do the work; return its result, or the failure."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001  # the operator's code may raise anything
        return failure(error)


def _checked(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result; raises NotFetched if it is a failure."""
    if CODE in result:
        raise NotFetched(result[CODE], result[REASON], result.get("state", ""))
    return result


def _read(settings: Settings, file: BinaryIO) -> dict[str, Any]:
    """Write the bundle into the file; return the rest: the state of MODEL_DIR before that, hashes, modules' names."""
    code, state = settings.model_code, state_of(settings.model_dir, watched_beside(settings))

    def read() -> dict[str, Any]:
        hashes = None if settings.tokens_file is None else read_hashes(settings.tokens_file)
        transfer.send(read_bundle(settings.model_dir, settings.model_sha256, settings.model_signature_key), file)
        names = modules_in(code) if code is not None and code.is_dir() else ()
        return {"hashes": hashes and {each.hex(): owner for each, owner in hashes.items()}, "names": sorted(names)}

    return {"state": state} | _result_of(read)


def _import(settings: Settings, bundle: Bundle) -> dict[str, Any]:
    builder(bundle, settings.model_dir, compiled=settings.engine == "auto")
    return {}


def _try(settings: Settings, bundle: Bundle, names: frozenset[str]) -> dict[str, Any]:
    """Load and verify the bundle; return the modules of the operator that this imported."""
    make_importable(settings.model_code)
    with operator_code.record_imports(settings.model_code) as modules:
        verify(load(settings, bundle, names).loaded)
    return {"modules": asdict(modules)}


def load_fetched(settings: Settings, fetched: Fetched) -> ServedModel:
    """Load a fetched model without touching any file; raises ModelError, and whatever the operator's code raises."""
    with operator_code.replay_imports(fetched.modules):
        return load(settings, fetched.bundle, fetched.names)


def load(settings: Settings, bundle: Bundle, names: frozenset[str]) -> ServedModel:
    """Load a bundle that was read before, as the settings say; raises ModelError and SettingError."""
    trust = Trust(settings.model_sha256, settings.allow_pickle, settings.model_code, names)
    loaded = build(bundle, settings.model_dir, trust, compiled=settings.engine == "auto")
    names_of_features = loaded.manifest.signature.names
    _check_named("LOG_REDACT", settings.log_redact, names_of_features)
    _check_named("DRIFT_FEATURES", settings.drift_features, names_of_features)
    policy = policy_of(settings, loaded)
    return ServedModel.of(loaded, time.time(), settings.max_rows, settings.model_name, policy)


def policy_of(settings: Settings, loaded: Loaded) -> ColumnPolicy | None:
    """Return the policy for extra and missing columns, if there is one; raises SettingError."""
    signature, row_id = loaded.manifest.signature, settings.row_id
    taken = {name for spec in loaded.outputs for name in (spec.name, spec.member, *spec.columns)}
    if row_id in taken | MEMBERS:
        raise SettingError(f"ROW_ID={row_id!r}: expected a name that no request and no answer has, such as row_id.")
    try:
        policy = ColumnPolicy.of(
            signature, settings.missing_columns or {}, row_id, ignore_extra=settings.ignore_extra_columns
        )
    except ValueError as error:
        raise SettingError(f"ROW_ID or MISSING_COLUMNS: {error}.") from None
    return policy


def _check_named(setting: str, named: Sequence[str], names: Sequence[str]) -> None:
    """Refuse names of features that the model does not have: a name misspelt in LOG_REDACT would be logged in full."""
    if unknown := [name for name in named if name not in names]:
        raise SettingError(f"{setting}={', '.join(unknown)}: expected features of the model: {', '.join(names)}.")
