"""Reads and tries the model in a forked process, which touches all the files there are to be touched.

It hands over what it has read: the bundle, the operator's code, the tokens. So what is loaded afterwards is what was
tried, and a file system that hangs stops that process only.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, BinaryIO

from model import owncode, parcels
from model.bundle import Bundle, read
from model.errors import ModelError
from model.forking import in_fork
from model.loading import Loaded, build, prove
from model.trust import Trust, modules_in
from service.access import Access
from service.settings import SettingError, Settings
from service.watching import Watch

SILENT = "boot_failed: it hangs, or crashes the process that tries it"


class Refused(Exception):
    """What was tried cannot be served; the message is one line, and begins with the code of what is wrong."""

    def __init__(self, reason: str, state: str = "") -> None:
        super().__init__(reason)
        self.state = state  # of MODEL_DIR, where it is known


@dataclass(frozen=True)
class Fetched:
    """What a forked process has read and tried: the bundle, the operator's modules, and who may ask."""

    bundle: Bundle
    modules: owncode.Modules
    names: frozenset[str]  # of all the operator's top-level modules
    access: Access
    state: str  # of MODEL_DIR, before it was read


@dataclass(frozen=True)
class Trial:
    """How something is tried: for how long, what is done again and again meanwhile, and first in the other process."""

    seconds: float
    meanwhile: Callable[[], bool] = lambda: True
    first: Callable[[], None] = lambda: None


def tried(work: Callable[[], dict[str, Any]], trial: Trial) -> dict[str, Any]:
    """Do the work in a process of its own, as in_fork does; return what it says, what is wrong as "error", or ""."""

    def after_the_first() -> dict[str, Any]:
        trial.first()
        return work()

    try:
        return in_fork(after_the_first, trial.seconds, trial.meanwhile) or {"error": SILENT}
    except Exception as error:  # noqa: BLE001  # no process to be had, or whatever is done meanwhile
        return {"error": f"{type(error).__name__}: {error}"}


def fetch(settings: Settings, trial: Trial) -> Fetched:
    """Read, load and prove what is there now, in a forked process; raises Refused."""
    try:
        with os.fdopen(os.memfd_create("bundle"), "w+b") as file:
            said = tried(partial(_fetch, settings, file), trial)
            if said["error"]:
                raise Refused(said["error"], said.get("state", ""))
            bundle = parcels.take(file)
            file.truncate(0)  # whoever was forked meanwhile has it open, too
    except (OSError, MemoryError) as error:
        raise Refused(f"{type(error).__name__}: {error}") from None
    hashes = None if said["hashes"] is None else map(bytes.fromhex, said["hashes"])
    modules, names = owncode.Modules(**said["modules"]), frozenset(said["names"])
    return Fetched(bundle, modules, names, Access(hashes), said["state"])


def _fetch(settings: Settings, file: BinaryIO) -> dict[str, Any]:
    """Say what fetch needs, and as "error" what is wrong; the bundle is put into the file."""
    said = {"error": "", "state": Watch(settings.model_dir, 0).state()}
    try:
        return said | _read(settings, file)
    except ModelError as error:
        return said | {"error": f"{error.code}: {error}"}
    except SettingError as error:
        return said | {"error": f"bad setting: {error}"}
    except Exception as error:  # noqa: BLE001  # whatever the operator's code may raise
        return said | {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}


def _read(settings: Settings, file: BinaryIO) -> dict[str, Any]:
    access, code = Access.read(settings.tokens_file), settings.model_code
    bundle = read(settings.model_dir, settings.model_sha256)
    parcels.put(bundle, file)
    names = modules_in(code) if code is not None and code.is_dir() else frozenset[str]()
    with owncode.reading(code) as modules:
        prove(assembled(settings, bundle, names))
    hashes = None if access.hashes is None else [each.hex() for each in access.hashes]
    return {"hashes": hashes, "names": sorted(names), "modules": asdict(modules)}


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
