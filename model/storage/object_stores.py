"""Reads a bundle from S3, Google Cloud Storage, Azure Blob Storage, or compatible servers, by obstore.

obstore takes credentials and endpoints from each provider's standard variables, and from the machine that it runs on.
Its retries are turned off: download.py retries, in the same way for all places.
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from model.errors import BundleMissing, ModelError, NotInstalled, StorageDenied, StorageUnavailable
from model.storage.source import CONNECT_SECONDS, STALL_SECONDS, Changed, NotChanged, Opened
from model.storage.uris import ModelUri, without_secrets

# The variables that allow an endpoint without TLS; below, how to configure credentials.
ALLOW_HTTP: Final = {"s3": "AWS_ALLOW_HTTP", "gs": "GOOGLE_ALLOW_HTTP", "az": "AZURE_ALLOW_HTTP"}
_CREDENTIALS: Final = {
    "s3": "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, or give the machine a role; for a public "
    "bucket, set AWS_SKIP_SIGNATURE=true",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or give the machine a service account; for a public bucket, set "
    "GOOGLE_SKIP_SIGNATURE=true",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or give the "
    "machine an identity; for a public container, set AZURE_SKIP_SIGNATURE=true",
}
# Parts of obstore's messages if it found no credentials, and cannot get them from the machine.
_NO_CREDENTIALS: Final = ("169.254.169.254", "metadata.google.internal", "/latest/api/token", "Missing")
_YES: Final = ("1", "true", "yes", "on", "y", "t")
# How many bytes obstore collects before it returns a piece; with more, some would be lost if this process ends.
_AS_THEY_COME: Final = 1
_MOST_SAID: Final = 300  # characters


@dataclass(frozen=True)
class ObjectStore:
    """The objects below one prefix."""

    uri: ModelUri
    store: Any

    @staticmethod
    def of(uri: ModelUri, environ: Mapping[str, str], seconds: float) -> "ObjectStore":
        """Make the client; raises StorageDenied for an invalid configuration, and NotInstalled."""
        try:
            from obstore.store import from_url  # noqa: PLC0415  # an extra, which makes threads
        except ImportError:
            raise NotInstalled(
                f"{uri.scheme}:// needs obstore, which is not installed here: install the extra `storage` "
                "(pip install '.[storage]' in its checkout), or take an image that has it (docs/object-storage.md)."
            ) from None
        options: Any = {
            "allow_http": environ.get(ALLOW_HTTP[uri.scheme], "").lower() in _YES,
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "read_timeout": timedelta(seconds=STALL_SECONDS),
            "timeout": timedelta(seconds=seconds),
        }
        try:
            return ObjectStore(uri, from_url(uri.full, client_options=options, retry_config={"max_retries": 0}))
        except Exception as error:  # noqa: BLE001  # it documents no errors for a wrong configuration
            raise StorageDenied(f"{uri}: {_said(error)}; {_CREDENTIALS[uri.scheme]}.") from None

    def __str__(self) -> str:
        """Return the URI without secrets."""
        return str(self.uri)

    def open(self, name: str, offset: int = 0, *, only: str | None = None, unless: str | None = None) -> Opened:
        """Begin to read an object; see Source."""
        options = {"range": {"offset": offset} if offset else None, "if_match": only, "if_none_match": unless}
        try:
            got = self.store.get(name, options={key: value for key, value in options.items() if value})
            meta, stream = got.meta, got.stream(_AS_THEY_COME)
        except Exception as error:  # noqa: BLE001  # the kinds are told apart below
            raise self._as_ours(error, name) from None
        return Opened(meta["e_tag"], meta["size"], got.range[0], self._pieces(stream, name))

    def _pieces(self, stream: Iterator[Any], name: str) -> Generator[bytes, None, None]:
        try:
            for piece in stream:
                yield bytes(piece)
        except Exception as error:  # noqa: BLE001  # likewise
            raise self._as_ours(error, name) from None

    def _as_ours(self, error: Exception, name: str) -> Exception:
        """Return our error for an error of obstore."""
        place, kind = f"{self.uri}/{name}", type(error).__name__
        match kind:
            case "PreconditionError":
                return Changed()
            case "NotModifiedError":
                return NotChanged()
            case "FileNotFoundError" | "NotFoundError":
                return BundleMissing(f"there is no {place} ({_said(error)}); correct the URI, or put the bundle there.")
            case "PermissionDeniedError" | "UnauthenticatedError":
                return _denied(place, f"may not be read with these credentials ({_said(error)})", self.uri.scheme)
        return self._of_generic(error, place)

    def _of_generic(self, error: Exception, place: str) -> ModelError:
        said = _said(error)
        if any(words in str(error) for words in _NO_CREDENTIALS):
            return _denied(place, f"cannot be read: there are no credentials ({said})", self.uri.scheme)
        if "BadScheme" in str(error):
            variable = ALLOW_HTTP[self.uri.scheme]
            return StorageDenied(f"{place}: the endpoint is an http:// address; use https, or set {variable}=true.")
        return StorageUnavailable(f"{place} cannot be read: {said}.")


def _denied(place: str, why: str, scheme: str) -> StorageDenied:
    return StorageDenied(f"{place} {why}; let them read it, or {_CREDENTIALS[scheme]}.")


def _said(error: Exception) -> str:
    """Return obstore's message without its internals, the server's XML and secrets."""
    line = " ".join(str(error).partition("\n")[0].partition("<")[0].split()).rstrip(":. ")
    for mark in (" error: ", "Server returned non-2xx status code: "):
        line = line.rpartition(mark)[2]
    return without_secrets(line)[:_MOST_SAID]
