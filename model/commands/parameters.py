"""The types of arguments and options: directories, and URIs that bundles are fetched from."""

from pathlib import Path
from typing import Any, Final

import click

from model.storage.uris import ACCEPTS, ModelUri, is_uri, without_secrets


class UriType(click.ParamType[ModelUri]):
    """A URI; errors do not repeat it, because a wrong URI may contain secrets."""

    name = "uri"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ModelUri:
        """Read a URI."""
        try:
            return value if isinstance(value, ModelUri) else ModelUri.of(value)
        except ValueError:
            self.fail(f"expected {ACCEPTS}", param, ctx)


class BundleType(click.Path):
    """A bundle in a directory of this machine."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; the error for a URI says how to fetch the bundle."""
        if is_uri(str(value)):
            fetch = f"{ctx.find_root().info_name if ctx else ''} fetch {without_secrets(str(value))} DIR"
            self.fail(f"expected a directory of this machine; `{fetch}` fetches the bundle into one", param, ctx)
        return super().convert(value, param, ctx)


class BundleOrUriType(click.Path):
    """A bundle in a directory of this machine, or a URI to fetch it from."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or the URI."""
        if isinstance(value, ModelUri) or is_uri(str(value)):
            return URI.convert(value, param, ctx)
        return super().convert(value, param, ctx)


DIRECTORY: Final = click.Path(path_type=Path)
URI: Final = UriType()
BUNDLE: Final = BundleType(path_type=Path)
BUNDLE_OR_URI: Final = BundleOrUriType(path_type=Path)
