"""The format on disk: a directory of a manifest and the files it vouches for. Reads and writes; never unpickles.

FORMAT 1: `manifest.json` (UTF-8 JSON of Manifest below) beside the files it names, each with its size and sha256.
A change that an older reader would misread raises FORMAT, and the reader refuses every other number.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from model.errors import BundleCorrupt, BundleMissing, DigestMismatch, OutputRefused, VersionMismatch
from model.files import UnfitFile, read_file
from model.signature import Cell, Signature

FORMAT = 1
MANIFEST = "manifest.json"
SKOPS = "model.skops"
FINGERPRINT = "made-for"  # the property of the compiled model's file that names its signature
GUARDED = "guarded"  # and the one that says that it marks rows which it has no answer to
JOBLIB = "model.joblib"
ONNX = "model.onnx"
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
    """What `model.onnx` takes and was found to be: equal to scikit-learn, on how many rows and how closely.

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


@dataclass(frozen=True)
class Bundle:
    """A bundle as read: its manifest, the manifest's sha256 in hex, and its files' verified content."""

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


def encode(manifest: Manifest) -> bytes:
    """Return the manifest as the JSON that is its file."""
    return msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"


def write(directory: Path, manifest: Manifest, content: Mapping[str, bytes]) -> str:
    """Write a bundle's files into a directory that is there; returns the manifest's digest."""
    encoded = encode(manifest)
    try:
        msgspec.json.decode(encoded, type=Manifest)
    except msgspec.MsgspecError as error:
        raise OutputRefused(f"the manifest would not be readable: {error}; correct what was given.") from None
    for name, data in {**content, MANIFEST: encoded}.items():
        (directory / name).write_bytes(data)
    return digest_of(encoded)


@contextmanager
def staged(directory: Path) -> Iterator[Path]:
    """Give an empty directory to make a bundle in; put it in place if the block ends well, else leave all as it was.

    A bundle that is in the place is replaced as a whole (between two renames there is none); anything else is not.
    Raises OutputRefused.
    """
    place = directory.resolve()
    if place.exists() and not (place.is_dir() and (not any(place.iterdir()) or (place / MANIFEST).exists())):
        raise OutputRefused(f"{directory} is there and is no bundle; name a directory that is new, empty or a bundle.")
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{place.name}-", dir=place.parent) as folder:
        fresh, stale = Path(folder) / "fresh", Path(folder) / "stale"
        fresh.mkdir()
        yield fresh
        try:
            if place.exists():
                place.replace(stale)
            fresh.replace(place)
        except OSError as error:
            raise OutputRefused(
                f"{directory} cannot be replaced ({error.strerror}); name a directory below."
            ) from error


def read(directory: Path, pin: str | None = None) -> Bundle:
    """Read and verify a bundle: pinned digest, format, then each file's size and digest, from one read of its bytes.

    `pin` is the sha256, in hex, that the manifest must have. Raises BundleMissing, DigestMismatch, VersionMismatch
    and BundleCorrupt.
    """
    encoded = _read(directory / MANIFEST, f"a regular file of at most {MOST_MANIFEST} bytes", most=MOST_MANIFEST)
    digest = digest_of(encoded)
    if pin is not None and digest != pin.lower():
        raise DigestMismatch(
            f"{directory / MANIFEST} has sha256 {digest}, but {pin} is pinned; "
            "correct the pin, or put back the bundle that it belongs to."
        )
    manifest = _decode(directory, encoded)
    return Bundle(manifest, digest, {name: _verified(directory / name, file) for name, file in manifest.files.items()})


def _decode(directory: Path, encoded: bytes) -> Manifest:
    try:
        found = msgspec.json.decode(encoded, type=_FormatOnly).format
        if found != FORMAT:
            raise VersionMismatch(f"{directory} is of bundle format {found}, this server reads {FORMAT}; {REPACK}.")
        return msgspec.json.decode(encoded, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleCorrupt(f"{directory / MANIFEST} is not a manifest: {error}; {REPACK}.") from None


def _verified(path: Path, file: File) -> bytes:
    expected = f"a regular file of the {file.bytes} bytes that its manifest says"
    content = _read(path, expected, least=file.bytes, most=file.bytes)
    digest = digest_of(content)
    if digest != file.sha256:
        raise BundleCorrupt(f"{path} has sha256 {digest}, its manifest says {file.sha256}; {REPACK}.")
    return content


def _read(path: Path, expected: str, *, least: int = 0, most: int) -> bytes:
    try:
        return read_file(path, expected, least=least, most=most)
    except UnfitFile as error:
        raise BundleCorrupt(f"{error}; {REPACK}.") from None
    except OSError as error:
        raise BundleMissing(
            f"{path} cannot be read ({error.strerror}); set MODEL_DIR to a bundle, or make one with "
            "`python -m model pack` (your model) or `python -m model train` (a reference model)."
        ) from None
