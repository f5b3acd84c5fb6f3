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

SILENT = "boot_failed: it hangs, or crashes the process that tries it"


class Refused(Exception):
    """What was tried cannot be served; the message is one line, and begins with the code of what is wrong."""


@dataclass(frozen=True)
class Fetched:
    """What a forked process has read and tried: the bundle, the operator's modules, and who may ask."""

    bundle: Bundle
    modules: owncode.Modules
    names: frozenset[str]  # of all the operator's top-level modules
    access: Access


def tried(work: Callable[[], dict[str, Any]], seconds: float, meanwhile: Callable[[], bool]) -> dict[str, Any]:
    """Do the work in a process of its own, as in_fork does; return what it says, what is wrong as "error", or ""."""
    try:
        return in_fork(work, seconds, meanwhile) or {"error": SILENT}
    except Exception as error:  # noqa: BLE001  # no process to be had, or whatever is done meanwhile
        return {"error": f"{type(error).__name__}: {error}"}


def fetch(settings: Settings, seconds: float, meanwhile: Callable[[], bool] = lambda: True) -> Fetched:
    """Read, load and prove what is there now, in a forked process; raises Refused.

    `meanwhile` is called again and again until then, as in_fork does.
    """
    try:
        with os.fdopen(os.memfd_create("bundle"), "w+b") as file:
            said = tried(partial(_fetch, settings, file), seconds, meanwhile)
            if said["error"]:
                raise Refused(said["error"])
            bundle = parcels.take(file)
            file.truncate(0)  # whoever was forked meanwhile has it open, too
    except (OSError, MemoryError) as error:
        raise Refused(f"{type(error).__name__}: {error}") from None
    hashes = None if said["hashes"] is None else map(bytes.fromhex, said["hashes"])
    return Fetched(bundle, owncode.Modules(**said["modules"]), frozenset(said["names"]), Access(hashes))


def _fetch(settings: Settings, file: BinaryIO) -> dict[str, Any]:
    """Say what fetch needs, and as "error" what is wrong; the bundle is put into the file."""
    code = settings.model_code
    try:
        access = Access.read(settings.tokens_file)
        bundle = read(settings.model_dir, settings.model_sha256)
        parcels.put(bundle, file)
        names = modules_in(code) if code is not None and code.is_dir() else frozenset[str]()
        with owncode.reading(code) as modules:
            prove(assembled(settings, bundle, names))
    except ModelError as error:
        return {"error": f"{error.code}: {error}"}
    except SettingError as error:
        return {"error": f"bad setting: {error}"}
    except Exception as error:  # noqa: BLE001  # whatever the operator's code may raise
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
    hashes = None if access.hashes is None else [each.hex() for each in access.hashes]
    return {"error": "", "hashes": hashes, "names": sorted(names), "modules": asdict(modules)}


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
