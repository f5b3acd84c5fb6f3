"""The format on disk: a directory of a manifest and the files it vouches for. Reads it; never unpickles.

FORMAT 2: `manifest.json` (UTF-8 JSON of Manifest below) beside the files it names, each with its size and sha256. What
a file is says the end of its name; the rest of the name is anything, so that the files of two versions can lie beside
each other. In format 1, which is read too, the names were `model.skops`, `model.joblib` and `model.onnx`, and readers
looked for these. A change that an older reader would misread raises FORMAT, and the reader refuses newer numbers.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from model.bundle.files import UnfitFile, read_file
from model.errors import BundleCorrupt, BundleMissing, BundleUnreadable, DigestMismatch, OutputRefused, VersionMismatch
from model.signature import Cell, Signature

FORMAT = 2
READABLE = (1, FORMAT)
MANIFEST = "manifest.json"
# What a file is, by the end of its name.
SKOPS, JOBLIB, ONNX = "skops", "joblib", "onnx"
REREADS = 10  # of a manifest that is replaced while its files are read
FINGERPRINT = "made-for"  # the property of the compiled model's file that names its signature
GUARDED = "guarded"  # and the one that says that it marks rows which it has no answer to
REPACK = "pack the model again"
MOST_MANIFEST = 2**28  # bytes; golden rows and codes of a million categories take some ten millions
# A name within the directory, and never a path out of it.
FileName = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z")]
# What may stand in an HTTP header, a metric label and a URL without any escaping.
Name = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]


@dataclass(frozen=True)
class File:
    """What the manifest vouches for: a file's size in bytes and its sha256 in hex."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Golden:
    """Rows and what the estimator answered on them before it was packed, nested as Prediction's arrays are.

    A missing value is None, a datetime its ISO 8601 text.
    """

    rows: list[list[Cell]]
    labels: list[Any]
    probabilities: list[Any] | None


@dataclass(frozen=True)
class Baseline:
    """How one feature looked in training: its share of missing values, and its 11 deciles (minimum to maximum).

    For what is no number, the share of each of its most frequent values instead.
    """

    missing: float
    deciles: list[float]
    shares: dict[str, float]


@dataclass(frozen=True)
class Score:
    """What the model reached on held-out rows."""

    metric: str
    value: float
    rows: int


@dataclass(frozen=True)
class CompiledForm:
    """What the compiled model takes and was found to be: equal to scikit-learn, on how many rows and how closely.

    `codes` has for each feature of texts the number that stands for each text. `largest_difference` is of a
    probability, or relative for a number that is itself the answer; labels are equal. `speedup` is by rows at once.
    """

    codes: dict[str, dict[str, float]]
    rows: int
    largest_difference: float
    speedup: dict[str, float]


@dataclass(frozen=True)
class Manifest:
    """Everything about a model but its parameters; `created_at` is RFC 3339, UTC.

    `not_compiled` says why there is no compiled form, where there is none.
    """

    format: int
    name: Name
    version: Name
    created_at: str
    signature: Signature
    files: dict[FileName, File]
    made_with: dict[str, str]
    golden: Golden
    baseline: dict[str, Baseline] | None
    score: Score | None
    compiled: CompiledForm | None = None
    not_compiled: str | None = None

    @property
    def kinds(self) -> list[str]:
        """What the files are, in the order of `files`: SKOPS, JOBLIB, ONNX."""
        return [name.rpartition(".")[2] for name in self.files]


@dataclass(frozen=True)
class Bundle:
    """A bundle as read: its manifest, the manifest's sha256 in hex, and its files' verified content by their kinds."""

    manifest: Manifest
    digest: str
    content: Mapping[str, bytes]


class _FormatOnly(msgspec.Struct):
    """The one member that every format has."""

    format: int


def digest_of(content: bytes) -> str:
    """Return the sha256 of the content in hex."""
    return hashlib.sha256(content).hexdigest()


def fingerprint(signature: Signature, codes: Mapping[str, Mapping[str, float]]) -> str:
    """Return the sha256, in hex, of what a compiled model was made for; the model's own file has it too."""
    return digest_of(msgspec.json.encode((signature, codes)))


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the manifest as the JSON that is its file; raises OutputRefused for what could not be read again."""
    encoded = msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"
    try:
        msgspec.json.decode(encoded, type=Manifest)
    except msgspec.MsgspecError as error:
        raise OutputRefused(f"the manifest would not be readable: {error}; correct what was given.") from None
    return encoded


def names_file(encoded: bytes, name: str) -> bool:
    """Say whether a manifest, as it is in its file, names a file; also of one that is damaged or of another format."""
    return f'"{name}"'.encode() in encoded


def read_bundle(directory: Path, pin: str | None = None) -> Bundle:
    """Read and verify a bundle: pinned digest, format, then each file's size and digest, from one read of its bytes.

    `pin` is the sha256, in hex, that the manifest must have. A bundle that is replaced meanwhile is read anew. Raises
    BundleMissing, BundleUnreadable, DigestMismatch, VersionMismatch and BundleCorrupt.
    """
    encoded = _manifest_in(directory)
    for _ in range(REREADS):
        try:
            return _read(directory, encoded, pin)
        except (BundleMissing, BundleCorrupt):
            before, encoded = encoded, _manifest_in(directory)
            if encoded == before:
                raise
    return _read(directory, encoded, pin)


def _read(directory: Path, encoded: bytes, pin: str | None) -> Bundle:
    digest = digest_of(encoded)
    if pin is not None and digest != pin.lower():
        raise DigestMismatch(
            f"{directory / MANIFEST} has sha256 {digest}, but {pin} is pinned; "
            "correct the pin, or put back the bundle that it belongs to."
        )
    manifest = _decode(directory, encoded)
    if len(set(manifest.kinds)) != len(manifest.files):
        raise BundleCorrupt(f"{directory / MANIFEST} names several files of one kind: {', '.join(manifest.files)}.")
    files = zip(manifest.kinds, manifest.files.items(), strict=True)
    return Bundle(manifest, digest, {kind: _verified(directory / name, file) for kind, (name, file) in files})


def _decode(directory: Path, encoded: bytes) -> Manifest:
    try:
        found = msgspec.json.decode(encoded, type=_FormatOnly).format
        if found not in READABLE:
            read = " and ".join(map(str, READABLE))
            raise VersionMismatch(f"{directory} is of bundle format {found}, this server reads {read}; {REPACK}.")
        return msgspec.json.decode(encoded, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleCorrupt(f"{directory / MANIFEST} is not a manifest: {error}; {REPACK}.") from None


def _verified(path: Path, file: File) -> bytes:
    expected = f"a regular file of the {file.bytes} bytes that its manifest says"
    content = _read_file(path, expected, least=file.bytes, most=file.bytes)
    digest = digest_of(content)
    if digest != file.sha256:
        raise BundleCorrupt(f"{path} has sha256 {digest}, its manifest says {file.sha256}; {REPACK}.")
    return content


def _manifest_in(directory: Path) -> bytes:
    return _read_file(directory / MANIFEST, f"a regular file of at most {MOST_MANIFEST} bytes", most=MOST_MANIFEST)


def _read_file(path: Path, expected: str, *, least: int = 0, most: int) -> bytes:
    try:
        return read_file(path, expected, least=least, most=most)
    except UnfitFile as error:
        raise BundleCorrupt(f"{error}; {REPACK}.") from None
    except PermissionError:
        owner = next(place.stat().st_uid for place in (path, *path.absolute().parents) if _visible(place))
        raise BundleUnreadable(
            f"{path} cannot be read by user id {os.geteuid()}: permission denied; let everybody read the bundle "
            f"(chmod -R a+rX), or run as user id {owner}, who owns it (docker run --user {owner})."
        ) from None
    except OSError as error:
        raise BundleMissing(
            f"{path} cannot be read ({error.strerror}); set MODEL_DIR to a bundle, or make one with "
            "`python -m model pack` (your model) or `python -m model train` (a reference model)."
        ) from None


def _visible(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # in a directory that may not be searched
        return False
