"""The format on disk: a directory with a manifest and the files that it names. Reads it; never unpickles.

FORMAT 2: `manifest.json` (the class Manifest below as UTF-8 JSON) beside the files that it names, with size and sha256
of each. A file's suffix states its kind; the rest of its name is free, so that the files of two versions can be in one
directory. Format 1, which is read too, had the fixed names `model.skops`, `model.joblib` and `model.onnx`. A change
that older readers would misread increments FORMAT, and readers refuse newer formats.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec

from model.bundle.files import UnfitFile, read_file
from model.errors import (
    BundleCorrupt,
    BundleMissing,
    BundleNotSigned,
    BundleUnreadable,
    DigestMismatch,
    OutputRefused,
    VersionMismatch,
)
from model.outputs import PREDICT, PREDICT_PROBA, OutputSpec
from model.signature import Cell, Signature

FORMAT = 2
READABLE = (1, FORMAT)
MANIFEST = "manifest.json"
# The kinds of files, which are their suffixes.
SKOPS, JOBLIB, ONNX = "skops", "joblib", "onnx"
REREADS = 10  # how often, if the manifest is replaced while its files are read
FINGERPRINT = "made-for"  # a property of the ONNX file: the signature that it was compiled for
GUARDED = "guarded"  # another property: rows without an answer get NaN as their label
REPACK = "pack the model again"
MOST_MANIFEST = 2**28  # bytes; golden rows and codes of a million categories take some ten millions
# A name in the directory, never a path out of it.
FileName = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z")]
# Needs no escaping in an HTTP header, a metric label or a URL.
Name = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]


@dataclass(frozen=True)
class File:
    """A file's size in bytes and its sha256 in hex."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Golden:
    """Rows, and the estimator's answers to them before it was packed, nested like Prediction's arrays.

    `further` has the answers of the further outputs, by method. A missing value is None, a datetime is an ISO 8601
    string.
    """

    rows: list[list[Cell]]
    labels: list[Any]
    probabilities: list[Any] | None
    further: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Bins:
    """Ten bins of training numbers, of about equal size unless numbers are equal: inner edges, and the bins' shares.

    A number that equals an edge is in the bin below it. Edges lie midway between training numbers, so that rounding
    moves none of these into another bin. A bin between equal edges is empty.
    """

    edges: Annotated[list[float], msgspec.Meta(min_length=9, max_length=9)]
    shares: Annotated[list[float], msgspec.Meta(min_length=10, max_length=10)]


@dataclass(frozen=True)
class Baseline:
    """One feature's distribution in training: its share of missing values, and 11 deciles from minimum to maximum.

    Features that are not numeric have the `shares` of their most frequent values instead. `bins` are the bins of the
    numbers that are not missing. `categories` are all values, unless there are too many.
    """

    missing: float
    deciles: list[float]
    shares: dict[str, float]
    bins: Bins | None = None
    categories: list[str] | None = None


@dataclass(frozen=True)
class Answers:
    """Statistics of the model's answers to its training rows, or to evenly spaced ones.

    `classes` has the share of each class, in the order of the classes. `scores` are the bins of the predicted classes'
    probabilities, or of a regressor's numbers.
    """

    rows: int
    classes: list[float] | None = None
    scores: Bins | None = None


@dataclass(frozen=True)
class Score:
    """The model's score on held-out rows."""

    metric: str
    value: float
    rows: int


@dataclass(frozen=True)
class CompiledForm:
    """How the compiled model encodes strings, and how it compares with the model that it was made from.

    `codes` has, for each string feature, the number of each string. On the `rows` that were compared, all labels were
    equal; `largest_difference` is the largest of a probability, or relative to a regressor's number. `speedup` is by
    the number of rows in a call, and empty in a bundle that has to be the same each time. `left_out` is how many
    training rows and thresholds of trees were too many to compare. `against` is the library of the model that it was
    compared with, or numpy for a model from another library's file.
    """

    codes: dict[str, dict[str, float]]
    rows: int
    largest_difference: float
    speedup: dict[str, float]
    left_out: int = 0
    against: str = "scikit-learn"


@dataclass(frozen=True)
class Manifest:
    """Everything about a model except its parameters; `created_at` is RFC 3339 in UTC.

    `not_compiled` says why there is no compiled form. `requires` has the packages that the estimator's file needs at
    run time, as `name==version`; it is empty if there is only a compiled form, which needs only the server, and None
    means the scikit-learn of `made_with`. `further` declares the outputs beyond labels and probabilities. `thresholds`
    has a number or None for each class, if labels are chosen by thresholds (`model.engines.thresholds`). `predict_fn`
    is the method that MLflow's routes call. `compared_with` says what the model from a library's file was compared
    with. `importances` has a number for each feature, with the sum 1, if the estimator states them.
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
    requires: list[str] | None = None
    further: tuple[OutputSpec, ...] = ()
    thresholds: tuple[Annotated[float, msgspec.Meta(gt=0, le=1)] | None, ...] = ()
    predict_fn: str = PREDICT
    compared_with: str | None = None
    answers: Answers | None = None
    importances: list[float] | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """The possible values of `predict_fn`: the methods that every engine has."""
        return (PREDICT, PREDICT_PROBA) if self.signature.probabilities else (PREDICT,)

    @property
    def kinds(self) -> list[str]:
        """The kinds of `files`, in their order: SKOPS, JOBLIB or ONNX."""
        return [name.rpartition(".")[2] for name in self.files]


@dataclass(frozen=True)
class Bundle:
    """A bundle as read: its manifest, the manifest's sha256 in hex, and the files' verified contents by kind."""

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
    """Return the sha256, in hex, of the signature and codes of a compiled model, which its file states, too."""
    return digest_of(msgspec.json.encode((signature, codes)))


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the manifest as the JSON of its file; raises OutputRefused if it could not be read again."""
    encoded = msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"
    try:
        msgspec.json.decode(encoded, type=Manifest)
    except msgspec.MsgspecError as error:
        raise OutputRefused(f"the manifest would not be valid: {error}; correct what you passed.") from None
    return encoded


def names_file(encoded: bytes, name: str) -> bool:
    """Return whether an encoded manifest names a file, even if it is damaged or has another format."""
    return f'"{name}"'.encode() in encoded


def read_bundle(directory: Path, pin: str | None = None, keys: Path | None = None) -> Bundle:
    """Read and verify a bundle: the pinned digest, the format, then each file's size and digest; each is read once.

    `pin` is the sha256, in hex, that the manifest must have. `keys` is a file of public keys, one of which must have
    signed the manifest. If the bundle is replaced meanwhile, it is read again. Raises BundleMissing, BundleUnreadable,
    DigestMismatch, BundleNotSigned, VersionMismatch and BundleCorrupt.
    """
    encoded = _manifest_in(directory)
    for _ in range(REREADS):
        try:
            return _read(directory, encoded, pin, keys)
        except (BundleMissing, BundleCorrupt, BundleNotSigned):
            before, encoded = encoded, _manifest_in(directory)
            if encoded == before:
                raise
    return _read(directory, encoded, pin, keys)


def _read(directory: Path, encoded: bytes, pin: str | None, keys: Path | None) -> Bundle:
    digest = check_pin(directory, encoded, pin)
    if keys is not None:
        from model.bundle.signing import check_signed  # noqa: PLC0415  # it starts programs, which few need

        check_signed(directory, MANIFEST, digest, keys)
    manifest = decode_manifest(directory, encoded)
    files = zip(manifest.kinds, manifest.files.items(), strict=True)
    return Bundle(manifest, digest, {kind: _verified(directory / name, file) for kind, (name, file) in files})


def check_pin(place: object, encoded: bytes, pin: str | None) -> str:
    """Return the digest of the manifest that was read from a place; raises DigestMismatch if another is pinned."""
    digest = digest_of(encoded)
    if pin is not None and digest != pin.lower():
        raise DigestMismatch(
            f"{place}/{MANIFEST} has sha256 {digest}, but {pin} is pinned; "
            "correct the pin, or restore the bundle that it belongs to."
        )
    return digest


def decode_manifest(place: object, encoded: bytes) -> Manifest:
    """Return the manifest that was read from a place; raises VersionMismatch and BundleCorrupt."""
    try:
        found = msgspec.json.decode(encoded, type=_FormatOnly).format
        if found not in READABLE:
            read = " and ".join(map(str, READABLE))
            raise VersionMismatch(f"{place} is of bundle format {found}, this server reads {read}; {REPACK}.")
        manifest = msgspec.json.decode(encoded, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleCorrupt(f"{place}/{MANIFEST} is not a manifest: {error}; {REPACK}.") from None
    if len(set(manifest.kinds)) != len(manifest.files):
        raise BundleCorrupt(f"{place}/{MANIFEST} names several files of one kind: {', '.join(manifest.files)}.")
    return manifest


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
    except NotADirectoryError:
        raise BundleMissing(
            f"{path.parent} is a file, and no bundle; name the directory of a bundle (MODEL_DIR), or make one of a "
            "model file with `python -m model pack`."
        ) from None
    except OSError as error:
        raise BundleMissing(
            f"{path} cannot be read ({error.strerror}); name the directory of a bundle (MODEL_DIR), or make one with "
            "`python -m model pack` (your model) or `python -m model train` (a reference model)."
        ) from None


def _visible(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # the directory has no search permission
        return False
