"""Signs and verifies with the program openssl: elliptic-curve keys on P-256, P-384 and P-521.

Every image based on Debian's has the program. The package `cryptography` could do the same, but has 15 MB.
"""

import base64
import binascii
import hashlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model.errors import BundleNotSigned, describe

CURVES: Final = "P-256, P-384 or P-521"
HOW_TO_MAKE: Final = "`openssl ecparam -name prime256v1 -genkey -noout -out private.pem` makes one"
_PROGRAM: Final = "openssl"
_SECONDS: Final = 30.0
_BEGIN, _END = b"-----BEGIN PUBLIC KEY-----", b"-----END PUBLIC KEY-----"
_LINE: Final = 64
# By the first bytes of a curve's public keys in DER: the digest that is signed with such keys.
_DIGESTS: Final = {
    bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"): "sha256",
    bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004"): "sha384",
    bytes.fromhex("30819b301006072a8648ce3d020106052b810400230381860004"): "sha512",
}
# Its output is checked as well, since 0 is also the exit code of a process that was reaped elsewhere.
_VERIFIED: Final = b"Verified OK\n"


@dataclass(frozen=True)
class PublicKey:
    """A public key as PEM in canonical form, and the digest that is signed with it."""

    pem: bytes
    digest: str

    @property
    def hint(self) -> str:
        """The name of the key in signatures: the sha256 of its PEM, in hex."""
        return hashlib.sha256(self.pem).hexdigest()

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Return whether the signature of the message was made with the private key of this one."""
        with _in_memory(self.pem) as key, _in_memory(signature) as signed:
            arguments = ("dgst", f"-{self.digest}", "-verify", _path(key), "-signature", _path(signed))
            done = _run(arguments, message, (key, signed))
        return (done.returncode, done.stdout) == (0, _VERIFIED)


def public_keys(content: bytes) -> list[PublicKey]:
    """Return the public keys in PEM, one after the other; raises ValueError."""
    blocks = [block.partition(_END) for block in content.split(_BEGIN)[1:]]
    return [_public_key(inside) for inside, _, _ in blocks]


def _public_key(inside: bytes) -> PublicKey:
    try:
        der = base64.b64decode(b"".join(inside.split()), validate=True)
    except binascii.Error as error:
        raise ValueError(f"a key is not PEM ({error})") from None
    digest = next((digest for begin, digest in _DIGESTS.items() if der.startswith(begin)), None)
    if digest is None:
        raise ValueError(f"a key is not an elliptic-curve one on {CURVES}")
    encoded = base64.b64encode(der)
    lines = [encoded[start : start + _LINE] for start in range(0, len(encoded), _LINE)]
    return PublicKey(b"\n".join([_BEGIN, *lines, _END, b""]), digest)


@dataclass(frozen=True)
class PrivateKey:
    """A private key in a file, and the file with its password, if it has one."""

    path: Path
    password: Path | None = None

    def public(self) -> PublicKey:
        """Return its public key; raises BundleNotSigned, and OSError for a file that cannot be read."""
        for path in filter(None, (self.path, self.password)):
            with path.open("rb"):  # an OSError says more than openssl's message
                pass
        done = _run(("pkey", "-in", str(self.path), *self._password(), "-pubout"))
        try:
            (key,) = public_keys(done.stdout)
        except ValueError:
            why = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise BundleNotSigned(
                f"{self.path} is no private key on {CURVES} that can be read{f' ({why})' if why else ''}; "
                f"{HOW_TO_MAKE}, and --password-file opens an encrypted one."
            ) from None
        return key

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message; raises BundleNotSigned."""
        digest = self.public().digest
        done = _run(("dgst", f"-{digest}", "-sign", str(self.path), *self._password()), message)
        if done.returncode or not done.stdout:
            raise BundleNotSigned(f"{self.path} cannot sign ({done.stderr.decode(errors='replace').strip()}).")
        return done.stdout

    def _password(self) -> tuple[str, str]:
        return "-passin", f"file:{self.password}" if self.password else "pass:"


def _run(arguments: Sequence[str], data: bytes = b"", files: Sequence[int] = ()) -> subprocess.CompletedProcess[bytes]:
    """Run the program on data and open files; raises BundleNotSigned if it does not run."""
    try:
        return subprocess.run(  # noqa: S603  # the arguments are ours
            [_PROGRAM, *arguments],
            input=data,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            pass_fds=files,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise BundleNotSigned(
            f"the program openssl, which checks signatures, does not run ({describe(error)}); install openssl."
        ) from None


@contextmanager
def _in_memory(content: bytes) -> Iterator[int]:
    """Yield an open file in memory with this content."""
    with os.fdopen(os.memfd_create("signing"), "wb", buffering=0) as file:
        file.write(content)
        yield file.fileno()


def _path(file: int) -> str:
    return f"/proc/self/fd/{file}"
