"""Makes and verifies the digital signature of a bundle, `model.sig`, in the format of OpenSSF's Model Signing 1.0.

The file is a Sigstore bundle. It holds an envelope (DSSE) with an in-toto statement of the sha256 of each file, signed
with a key. The manifest is one of the files, and has the digests of the others; so verifying the manifest's digest, and
the digests that the manifest states, is enough.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from model.bundle.files import read_file, write_file
from model.bundle.openssl import CURVES, PrivateKey, PublicKey, public_keys
from model.bundle.trust import MOST_SIGNATURE, SIGNATURE
from model.errors import BundleNotSigned

SIGN_IT: Final = "sign it (`python -m model sign`)"
_MOST_KEYS: Final = 2**16
_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_PREDICATE: Final = "https://model_signing/signature/v1.0"
_SHA256: Final = "sha256"
_PUBLIC: Final = f"name a file of public keys on {CURVES} in PEM (`openssl pkey -in private.pem -pubout` prints one)"


class _Resource(msgspec.Struct):
    name: str
    algorithm: str
    digest: str


class _Serialization(msgspec.Struct):
    method: str
    hash_type: str
    allow_symlinks: bool = False
    ignore_paths: list[str] = []


class _Predicate(msgspec.Struct):
    serialization: _Serialization
    resources: list[_Resource]


class _Subject(msgspec.Struct):
    name: str
    digest: dict[str, str]


class _Statement(msgspec.Struct, rename="camel"):
    type: str = msgspec.field(name="_type")
    subject: list[_Subject]
    predicate_type: str
    predicate: _Predicate


class _KeyName(msgspec.Struct):
    hint: str = ""


class _Material(msgspec.Struct, rename="camel"):
    public_key: _KeyName
    tlog_entries: list[dict[str, object]] = []


class _Signature(msgspec.Struct):
    sig: str
    keyid: str = ""


class _Envelope(msgspec.Struct, rename="camel"):
    payload: str
    payload_type: str
    signatures: list[_Signature]


class _Signed(msgspec.Struct, rename="camel"):
    media_type: str
    verification_material: _Material
    dsse_envelope: _Envelope


def sign(digests: Mapping[str, str], name: str, key: PrivateKey) -> bytes:
    """Return the content of SIGNATURE for files with these sha256 digests; raises BundleNotSigned."""
    resources = [_Resource(file, _SHA256, digests[file]) for file in sorted(digests)]
    root = hashlib.sha256(b"".join(bytes.fromhex(each.digest) for each in resources)).hexdigest()
    how = _Serialization("files", _SHA256, allow_symlinks=False, ignore_paths=[SIGNATURE])
    predicate = _Predicate(how, resources)
    statement = _Statement(_STATEMENT, [_Subject(name, {_SHA256: root})], _PREDICATE, predicate)
    payload = msgspec.json.encode(statement)
    signature = base64.b64encode(key.sign(_authenticated(payload))).decode()
    envelope = _Envelope(base64.b64encode(payload).decode(), _PAYLOAD_TYPE, [_Signature(signature)])
    return msgspec.json.encode(_Signed(_MEDIA_TYPE, _Material(_KeyName(key.public().hint)), envelope))


def write(directory: Path, content: bytes) -> Path:
    """Write SIGNATURE into a directory, atomically; raises OSError."""
    path, new = directory / SIGNATURE, directory / f".{SIGNATURE}.new"
    write_file(new, content)
    return new.replace(path)


def check_signed(directory: Path, name: str, digest: str, trusted: Path) -> None:
    """Check that SIGNATURE states this sha256 of the file, and that a trusted key made it; raises BundleNotSigned.

    `trusted` is a file of public keys. Raises NoRoom if there is too little memory.
    """
    keys, path = _trusted_keys(trusted), directory / SIGNATURE
    try:
        content = read_file(path, f"a regular file of at most {MOST_SIGNATURE} bytes", most=MOST_SIGNATURE)
    except FileNotFoundError:
        raise BundleNotSigned(
            f"{path} is missing, and MODEL_SIGNATURE_KEY accepts only signed bundles; {SIGN_IT}, or restore the file."
        ) from None
    except OSError as error:
        raise BundleNotSigned(f"{path} cannot be read ({error}); {SIGN_IT}, or restore the file.") from None
    try:
        signed = [each.digest for each in _verified(content, keys, trusted).resources if each.name == name]
    except (ValueError, RecursionError) as error:  # the errors of msgspec and binascii are ValueErrors
        raise BundleNotSigned(
            f"{path} is no valid signature ({error}); {SIGN_IT} with the private key of a trusted one."
        ) from None
    if signed != [digest]:
        raise BundleNotSigned(
            f"{path} is the signature of another bundle: {directory / name} has sha256 {digest}, and it states "
            f"{' and '.join(signed) or 'none'}; {SIGN_IT}, or restore the bundle that it belongs to."
        )


def _verified(content: bytes, keys: Sequence[PublicKey], trusted: Path) -> _Predicate:
    """Verify a signature, and return the statement's predicate; raises ValueError and RecursionError."""
    signed = msgspec.json.decode(content, type=_Signed)
    envelope, hint = signed.dsse_envelope, signed.verification_material.public_key.hint
    _check("media type", signed.media_type, _MEDIA_TYPE)
    _check("payload type", envelope.payload_type, _PAYLOAD_TYPE)
    _check("number of signatures", len(envelope.signatures), 1)
    payload = base64.b64decode(envelope.payload, validate=True)
    signature = base64.b64decode(envelope.signatures[0].sig, validate=True)
    named = [key for key in keys if hint in ("", key.hint)]
    if not named:
        raise ValueError(f"it was made with the key {hint[:64]!r}, which is not in {trusted}")
    message = _authenticated(payload)
    if not any(key.verifies(signature, message) for key in named):
        raise ValueError(f"it was not made with a key in {trusted}, or what it signs has been changed")
    statement = msgspec.json.decode(payload, type=_Statement)
    _check("type of statement", statement.type, _STATEMENT)
    _check("type of predicate", statement.predicate_type, _PREDICATE)
    _check("method", statement.predicate.serialization.method, "files")
    _check("digests", {each.algorithm for each in statement.predicate.resources}, {_SHA256})
    return statement.predicate


def _check(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise ValueError(f"{what}: expected {expected!r}, got {str(found)[:100]!r}")


def _trusted_keys(path: Path) -> list[PublicKey]:
    """Read the public keys of a file; raises BundleNotSigned."""
    try:
        content = read_file(path, f"a regular file of at most {_MOST_KEYS} bytes", most=_MOST_KEYS)
        keys = public_keys(content)
    except (OSError, ValueError) as error:
        raise BundleNotSigned(f"MODEL_SIGNATURE_KEY={path}: {error}; {_PUBLIC}.") from None
    if not keys:
        raise BundleNotSigned(f"MODEL_SIGNATURE_KEY={path} has no public key; {_PUBLIC}.")
    return keys


def _authenticated(payload: bytes) -> bytes:
    """Return the bytes that are signed: DSSE's pre-authentication encoding of the payload and its type."""
    return b"DSSEv1 %d %s %d %s" % (len(_PAYLOAD_TYPE), _PAYLOAD_TYPE.encode(), len(payload), payload)
