"""What arguments and options may be: directories here, and URIs that bundles are fetched from."""

from pathlib import Path
from typing import Any, Final

import click

from model.storage.uris import ACCEPTS, ModelUri, is_uri, without_secrets


class UriType(click.ParamType[ModelUri]):
    """A URI; what is wrong with one may be in its secrets, so it is not repeated."""

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
        """Return the path; for a URI, say how to bring what is there."""
        if is_uri(str(value)):
            fetch = f"{ctx.find_root().info_name if ctx else ''} fetch {without_secrets(str(value))} DIR"
            self.fail(f"expected a directory of this machine; `{fetch}` fetches the bundle into one", param, ctx)
        return super().convert(value, param, ctx)


class BundleOrUriType(click.Path):
    """A bundle in a directory of this machine, or the URI that one is fetched from."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or the URI."""
        if isinstance(value, ModelUri) or is_uri(str(value)):
            return URI.convert(value, param, ctx)
        return super().convert(value, param, ctx)


DIRECTORY: Final = click.Path(path_type=Path)
URI: Final = UriType()
BUNDLE: Final = BundleType(path_type=Path)
BUNDLE_OR_URI: Final = BundleOrUriType(path_type=Path)
