"""Finds the bundle that was logged with a model version in an MLflow registry, by MLflow's REST API.

The API is documented (mlflow.org, "REST API"), and small; MLflow's own client needs some forty packages.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from model.errors import BundleMissing, StorageDenied, StorageUnavailable
from model.storage.uris import ModelUri, Registered, without_secrets
from model.storage.web import Headers, basic, read

TRACKING_URI: Final = "MLFLOW_TRACKING_URI"
_API: Final = "/api/2.0/mlflow"
_PROXIED: Final = "mlflow-artifacts:"
_MOST: Final = 1 << 22  # bytes of an answer


@dataclass(frozen=True)
class Registry:
    """A tracking server."""

    url: str
    headers: Headers

    @staticmethod
    def of(environ: Mapping[str, str]) -> "Registry":
        """Return the server that MLflow's variables name; raises StorageDenied if they name none."""
        url = environ.get(TRACKING_URI, "").rstrip("/")
        if not url.startswith(("http://", "https://")):
            got = without_secrets(url) or "nothing"
            raise StorageDenied(f"{TRACKING_URI}: expected the http:// or https:// address of a server; got {got}.")
        token, user = environ.get("MLFLOW_TRACKING_TOKEN"), environ.get("MLFLOW_TRACKING_USERNAME")
        headers: Headers = {"Authorization": f"Bearer {token}"} if token else {}
        return Registry(url, basic(user, environ.get("MLFLOW_TRACKING_PASSWORD", "")) if user else headers)

    def place_of(self, wanted: Registered) -> ModelUri:
        """Return the URI of a version's artifacts; raises the errors of Source.open."""
        try:
            version = wanted.version or self._version_of(wanted)
            found = self._ask("/model-versions/get-download-uri", {"name": wanted.name, "version": version})
        except BundleMissing:
            url = without_secrets(self.url)
            raise BundleMissing(f"the registry at {url} has no models:/{wanted}; correct the URI.") from None
        return self._uri(str(found.get("artifact_uri", "")), f"models:/{wanted.name}/{version}")

    def _version_of(self, wanted: Registered) -> str:
        found = self._ask("/registered-models/alias", {"name": wanted.name, "alias": wanted.alias})
        version = found.get("model_version")
        return str(version.get("version", "")) if isinstance(version, dict) else ""

    def _uri(self, artifacts: str, version: str) -> ModelUri:
        if artifacts.startswith(_PROXIED):  # the tracking server itself serves the artifacts
            path = artifacts.removeprefix(_PROXIED).lstrip("/")
            artifacts = f"{self.url}/api/2.0/mlflow-artifacts/artifacts/{quote(path)}"
        try:
            return ModelUri.of(f"file://{artifacts}" if artifacts.startswith("/") else artifacts)
        except ValueError:
            said = without_secrets(artifacts) or "nothing"
            raise StorageDenied(f"the artifacts of {version} are in {said}, which cannot be read from here.") from None

    def _ask(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        answer = read(f"{self.url}{_API}{path}?{urlencode(query)}", self.headers, _MOST)
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            url = without_secrets(self.url)
            raise StorageUnavailable(f"{url} does not answer with JSON: is it an MLflow tracking server?")
        return found
