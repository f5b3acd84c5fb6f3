"""The URIs that a bundle is fetched from, and their form without secrets: users, passwords and queries."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

ACCEPTS: Final = (
    "s3://BUCKET/PATH, gs://BUCKET/PATH, az://CONTAINER/PATH, https://HOST/PATH, file:///PATH or models:/NAME/VERSION"
)
OBJECTS: Final = ("s3", "gs", "az")
_MODELS: Final = re.compile(r"models:/(?P<name>[^/@?#]+)(?:/(?P<version>[0-9]+)|@(?P<alias>[^/@?#]+))")
_SECRETS: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*:(?://)?)(?:(?<=//)[^\s/]*@)?(?P<rest>[^\s?#]*)(?:[?#]\S*)?"
)
_ELSEWHERE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|models:/")
_LOOPBACK: Final = re.compile(r"localhost|127(?:\.[0-9]+){3}|::1", re.IGNORECASE)


@dataclass(frozen=True)
class Registered:
    """A version in a registry, by its number or by an alias."""

    name: str
    version: str = ""
    alias: str = ""

    def __str__(self) -> str:
        """Return name and version as MLflow's users write them."""
        return f"{self.name}@{self.alias}" if self.alias else f"{self.name}/{self.version}"


@dataclass(frozen=True)
class ModelUri:
    """A valid URI; its string contains no secrets."""

    full: str = field(repr=False)
    scheme: str

    @staticmethod
    def of(given: str) -> "ModelUri":
        """Read a URI; raises ValueError."""
        parts = urlsplit(given)
        # A dot segment would lead out of the named folder, and no place needs one.
        path = unquote(parts.path)
        if {".", ".."} & set(path.split("/")) or "\0" in path or re.search(r"\s|[\x00-\x1f\x7f]", given):
            raise ValueError(given)
        if not _is_whole(given, parts):
            raise ValueError(given)
        return ModelUri(given, parts.scheme)

    @property
    def parts(self) -> SplitResult:
        """The parts of the URI, with its secrets."""
        return urlsplit(self.full)

    @property
    def registered(self) -> Registered:
        """The name and version in a `models:/…` URI."""
        match = _MODELS.fullmatch(self.full)
        if match is None:
            raise ValueError(self)
        name, version, alias = (unquote(each or "") for each in match.group("name", "version", "alias"))
        return Registered(name, version, alias)

    @property
    def is_safe(self) -> bool:
        """Whether nobody in between can read or change the data: true except for http to another machine."""
        return self.scheme != "http" or is_loopback(self.parts.hostname)

    def __str__(self) -> str:
        """Return the URI without user name, password, query and fragment."""
        return without_secrets(self.full)


def _is_whole(given: str, parts: SplitResult) -> bool:
    """Return whether a URI has the parts that its scheme needs, and no others; raises ValueError for a port like 8x."""
    match parts.scheme:
        case "s3" | "gs" | "az":
            return bool(parts.netloc) and not parts.query and "@" not in parts.netloc and ":" not in parts.netloc
        case "https" | "http":
            return bool(parts.hostname) and (parts.port is None or parts.port > 0)
        case "file":
            return parts.netloc in ("", "localhost") and parts.path.startswith("/") and not parts.query
        case "models":
            return _MODELS.fullmatch(given) is not None
    return False


def is_loopback(host: str | None) -> bool:
    """Return whether a host is a usual name or address of this machine."""
    return bool(_LOOPBACK.fullmatch(host or ""))


def is_uri(given: str) -> bool:
    """Return whether a string is meant as a URI, valid or not, and not as a path."""
    return _ELSEWHERE.match(given) is not None


def without_secrets(words: str) -> str:
    """Return text in which URIs lack user names, passwords, queries and fragments."""
    return _SECRETS.sub(r"\g<scheme>\g<rest>", words)
