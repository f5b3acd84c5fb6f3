"""The files of Swagger UI, which come with the package flask-swagger-ui; none of its code is imported."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from service.pages.static_files import StaticFile

PACKAGE: Final = "flask_swagger_ui"
_NAMES: Final = ("swagger-ui-bundle.js", "swagger-ui.css")


def directory() -> str:
    """Return the path of the files on the server: it contains the version, so that they can be cached for ever."""
    return f"/static/swagger-ui-{(_folder() / 'VERSION').read_text().strip().removeprefix('v')}"


def files() -> Mapping[str, StaticFile]:
    """Return the files by their paths on the server."""
    return {f"{directory()}/{name}": StaticFile(_folder() / name) for name in _NAMES}


def _folder() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {PACKAGE!r}", name=PACKAGE)
    return Path(spec.submodule_search_locations[0]) / "dist"
