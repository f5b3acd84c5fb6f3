"""Returns the source that a URI names."""

from collections.abc import Mapping
from dataclasses import dataclass

from model.bundle.manifest import MANIFEST
from model.errors import BundleMissing, StorageDenied
from model.storage.local_files import LocalFiles
from model.storage.mlflow_registry import Registry
from model.storage.object_stores import ObjectStore
from model.storage.source import Source
from model.storage.uris import OBJECTS, ModelUri, Registered
from model.storage.web import ALLOW, WebFolder

_FOLDERS = ("", "bundle")  # the bundle is all of a version's artifacts, or in a folder beside MLflow's model


@dataclass(frozen=True)
class Access:
    """How places are reached: the variables with credentials, for how many seconds, and whether without TLS."""

    environ: Mapping[str, str]
    seconds: float
    allow_http: bool = False

    def source(self, uri: ModelUri) -> Source:
        """Return the source of a URI, asking the registry first if it names one; raises the errors of Source.open."""
        if uri.scheme == "models":
            return self._registered(uri.registered)
        return self._at(uri, None)

    def _registered(self, wanted: Registered) -> Source:
        registry = Registry.of(self.environ)
        self._check(ModelUri.of(registry.url))
        place = registry.place_of(wanted)
        for folder in _FOLDERS:
            uri = ModelUri.of(f"{place.full.rstrip('/')}/{folder}".rstrip("/"))
            source = self._at(uri, registry)
            try:
                source.open(MANIFEST).pieces.close()
            except BundleMissing:
                continue
            return source
        manifests = " and no ".join(f"{folder}/{MANIFEST}".lstrip("/") for folder in _FOLDERS)
        raise BundleMissing(
            f"the artifacts of models:/{wanted} have no {manifests}; log the bundle that `python -m model pack` makes "
            "as artifacts of the version."
        )

    def _at(self, uri: ModelUri, registry: Registry | None) -> Source:
        self._check(uri)
        if uri.scheme in OBJECTS:
            return ObjectStore.of(uri, self.environ, self.seconds)
        if uri.scheme == "file":
            return LocalFiles.of(uri)
        proxied = registry is not None and uri.full.startswith(f"{registry.url}/")
        return WebFolder(uri.full, registry.headers) if registry and proxied else WebFolder.of(uri)

    def _check(self, uri: ModelUri) -> None:
        if not (uri.is_safe or self.allow_http):
            raise StorageDenied(
                f"{uri} would come over http://, which others on the way can read and change; use https://, or set "
                f"{ALLOW}=1."
            )
