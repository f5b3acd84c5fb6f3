"""The static files of the pages: fixed tables, with paths that change when a file does."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

DIRECTORY: Final = Path(__file__).parent / "static"
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_SWAGGER_UI: Final = "flask_swagger_ui"
_OF_SWAGGER_UI: Final = ("swagger-ui-bundle.js", "swagger-ui.css")


@dataclass(frozen=True)
class StaticFiles:
    """Files by their paths on the server, all below `directory`, whose name is another one for other files.

    So they can be cached for ever. The modules import each other by relative paths.
    """

    directory: str
    files: Mapping[str, Path]

    @classmethod
    def read(cls, source: Path = DIRECTORY) -> "StaticFiles":
        """Return the files of a directory that have a known type, below the hash of all of them."""
        files = [path for path in sorted(source.iterdir()) if path.suffix in TYPES]
        digests = [f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n" for path in files]
        return cls._below(f"/static/{hashlib.sha256(''.join(digests).encode()).hexdigest()[:16]}", files)

    @classmethod
    def of_swagger_ui(cls) -> "StaticFiles":
        """Return the files of Swagger UI below its version; they come with a package of which no code is imported."""
        spec = find_spec(_SWAGGER_UI)
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(f"No module named {_SWAGGER_UI!r}", name=_SWAGGER_UI)
        folder = Path(spec.submodule_search_locations[0]) / "dist"
        version = (folder / "VERSION").read_text().strip().removeprefix("v")
        return cls._below(f"/static/swagger-ui-{version}", [folder / name for name in _OF_SWAGGER_UI])

    @classmethod
    def _below(cls, directory: str, files: Iterable[Path]) -> "StaticFiles":
        return cls(directory, {f"{directory}/{path.name}": path for path in files})
