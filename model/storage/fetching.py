"""Fetches a bundle into a directory: only missing files, which are put in place when all of them are verified.

The manifest is read first. It states the names, sizes and digests of all files, so no other files are requested, and no
more bytes are read than it states.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model.bundle.files import read_file, write_file
from model.bundle.manifest import (
    MANIFEST,
    MOST_MANIFEST,
    REREADS,
    File,
    Manifest,
    check_pin,
    decode_manifest,
    digest_of,
    read_bundle,
)
from model.bundle.publish import PART, fetching_directory
from model.bundle.trust import MOST_SIGNATURE, SIGNATURE
from model.errors import BundleCorrupt, BundleMissing, BundleTooLarge, ModelError, NoRoom, StorageDenied
from model.storage.download import Download, Patience, read_small
from model.storage.places import Access
from model.storage.source import Changed, Source
from model.storage.uris import ModelUri

_WAIT_SECONDS: Final = 0.05
Progress = Callable[[str, float | None, float | None], object]  # called with the stage, the bytes so far, and all bytes


@dataclass(frozen=True)
class Fetched:
    """The bundle that was fetched, or was there already; `received` is how many bytes of model files arrived."""

    manifest: Manifest
    digest: str
    tag: str | None  # the tag that the place gives the manifest
    received: int
    replaced: bool


@dataclass(frozen=True)
class Fetch:
    """Fetches a bundle from a URI into a directory, within bounds."""

    uri: ModelUri
    directory: Path
    access: Access
    most_bytes: int
    pin: str | None = None
    keys: Path | None = None  # public keys, one of which must have signed the bundle

    def run(self, progress: Progress = lambda *_: None, unless: str | None = None) -> Fetched:
        """Fetch the bundle; raises ModelError, and NotChanged if the manifest still has the tag `unless`.

        If the pinned bundle is in the directory already, nothing is requested.
        """
        if self.pin and (here := self._here(self.pin)) is not None:
            return Fetched(here, self.pin, None, 0, replaced=False)
        patience = Patience(time.monotonic() + self.access.seconds)
        source: Source = patience.of(lambda: self.access.source(self.uri))
        for _ in range(REREADS):
            progress("reading the manifest", None, None)
            encoded, tag = read_small(source, MANIFEST, MOST_MANIFEST, patience, unless)
            try:
                return self._fetch(source, encoded, tag, patience, progress)
            except (BundleMissing, BundleCorrupt, Changed) as error:
                # If the bundle was replaced meanwhile, it is read again.
                again, _ = read_small(source, MANIFEST, MOST_MANIFEST, patience)
                if again == encoded and isinstance(error, Changed):
                    said = f"a file of {source} was replaced under its name while it was read; upload the bundle again."
                    raise BundleCorrupt(said) from None
                if again == encoded:
                    raise
        raise BundleCorrupt(f"{source} kept changing while it was read; fetch it again when the upload has finished.")

    def _fetch(
        self, source: Source, encoded: bytes, tag: str | None, patience: Patience, progress: Progress
    ) -> Fetched:
        digest = check_pin(source, encoded, self.pin)
        signature = _signature(source, patience)
        if (manifest := self._here(digest, signature)) is not None:
            return Fetched(manifest, digest, tag, 0, replaced=False)
        with fetching_directory(self.directory, lambda: _wait(patience, self.directory)) as stage:
            write_file(stage / MANIFEST, encoded)
            _put_signature(stage, signature)
            if self.keys is not None:
                from model.bundle.signing import check_signed  # noqa: PLC0415  # it starts programs, which few need

                check_signed(stage, MANIFEST, digest, self.keys)
            manifest = decode_manifest(source, encoded)
            total = len(encoded) + sum(file.bytes for file in manifest.files.values())
            if total > self.most_bytes:
                said = f"{source} has {total} bytes, more than FETCH_BYTES={self.most_bytes}; allow more."
                raise BundleTooLarge(said)
            received = self._files(source, manifest, stage, patience, progress)
            read_bundle(stage, self.pin, self.keys)  # as the server will read it
        if not signature:
            _put_signature(self.directory, signature)  # removes the previous bundle's
        return Fetched(manifest, digest, tag, received, replaced=True)

    def _files(self, source: Source, manifest: Manifest, stage: Path, patience: Patience, progress: Progress) -> int:
        """Bring all files into the stage; return how many bytes were received."""
        missing = {name: file for name, file in manifest.files.items() if not self._copied(name, file, stage)}
        parts = {name: stage / f"{file.sha256}{PART}" for name, file in missing.items()}
        for path in stage.iterdir():
            if path.suffix == PART and path not in parts.values():
                path.unlink()
        total = sum(file.bytes for file in missing.values())
        at_first = sum(path.stat().st_size for path in parts.values() if path.exists())
        _check_room(stage, total - at_first)
        came = 0

        def count(size: int) -> None:
            nonlocal came
            came += size
            progress(f"fetching {manifest.name} {manifest.version}", at_first + came, total)

        for name, file in missing.items():
            Download(source, name, file, parts[name], patience, count).run()
        for name, part in parts.items():
            part.replace(stage / name)
        return came

    def _copied(self, name: str, file: File, stage: Path) -> bool:
        """Return whether a file is in the stage, or in the directory, from which it is then copied."""
        for path in (stage / name, self.directory / name):
            try:
                content = read_file(path, "a file of the bundle before", least=file.bytes, most=file.bytes)
            except (OSError, NoRoom):
                continue
            if digest_of(content) == file.sha256:
                (stage / name).write_bytes(content)
                return True
        return False

    def _here(self, digest: str, signature: bytes | None = None) -> Manifest | None:
        """Return the manifest of the bundle in the directory if it is complete and the wanted one, else None."""
        try:
            found = read_bundle(self.directory, digest, self.keys)
        except ModelError:
            return None
        path = self.directory / SIGNATURE
        signed = signature is None or (path.read_bytes() if path.exists() else b"") == signature
        return found.manifest if signed else None


def _signature(source: Source, patience: Patience) -> bytes:
    """Return the signature beside the manifest, b"" if there is none.

    Object storage denies access to a missing object if the caller may not list objects.
    """
    try:
        return read_small(source, SIGNATURE, MOST_SIGNATURE, patience)[0]
    except (BundleMissing, StorageDenied):
        return b""


def _put_signature(directory: Path, signature: bytes) -> None:
    if signature:
        write_file(directory / SIGNATURE, signature)
    else:
        (directory / SIGNATURE).unlink(missing_ok=True)


def _check_room(stage: Path, needed: int) -> None:
    free = shutil.disk_usage(stage).free
    if needed > free:
        raise NoRoom(f"{stage.parent} has room for {free} bytes, and {needed} are needed; free some, and try again.")


def _wait(patience: Patience, directory: Path) -> None:
    patience.check(directory)
    time.sleep(_WAIT_SECONDS)
