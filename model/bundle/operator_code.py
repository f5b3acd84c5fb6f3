"""Reads the operator's own code in one process and imports it in another that does not touch its directory.

The first process imports within `record_imports`; the second imports the recorded modules, from `replay_imports` on.
So the code that serves is the code that was tried, and a file system that hangs only blocks the first process.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType


@dataclass(frozen=True)
class Modules:
    """The imported modules: the file and, for a package, the directories of each; and the files' contents.

    A namespace package has no file. Contents are latin-1 strings, so that they fit into JSON.
    """

    found: dict[str, tuple[str | None, list[str] | None]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


class _Loader(SourceFileLoader):
    """Returns recorded contents of files, and records the files that it reads; ignores compiled copies (.pyc)."""

    def __init__(self, name: str, path: str, files: dict[str, str]) -> None:
        super().__init__(name, path)
        self._files = files

    def path_stats(self, path: object) -> Mapping[str, object]:
        """Raise OSError, so that no compiled copy is used."""
        raise OSError(path)

    def get_data(self, path: str) -> bytes:
        """Return the contents of a file."""
        if path not in self._files:
            self._files[path] = super().get_data(path).decode("latin-1")
        return self._files[path].encode("latin-1")


class _Recorder(MetaPathFinder):
    """Finds modules as the interpreter does, and records those below a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()
        self.modules = Modules()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module below the directory; None for any other."""
        spec = PathFinder.find_spec(fullname, path, target)
        places = list(spec.submodule_search_locations or []) if spec else []
        if spec is None or not any(Path(each).is_relative_to(self._directory) for each in (spec.origin or "", *places)):
            return None
        origin = spec.origin if spec.has_location else None
        self.modules.found[fullname] = origin, None if spec.submodule_search_locations is None else places
        return _spec(fullname, self.modules) if isinstance(spec.loader, SourceFileLoader) else spec


class _Replayer(MetaPathFinder):
    """Finds the recorded modules."""

    def __init__(self, modules: Modules) -> None:
        self.modules = modules

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002  # the interpreter's interface
        target: ModuleType | None = None,  # noqa: ARG002  # likewise
    ) -> ModuleSpec | None:
        """Return the spec of a recorded module; None for any other."""
        return _spec(fullname, self.modules) if fullname in self.modules.found else None


def _spec(name: str, modules: Modules) -> ModuleSpec | None:
    origin, places = modules.found[name]
    if origin is None:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = places
        return spec
    loader = _Loader(name, origin, modules.files) if origin.endswith(".py") else None
    return spec_from_file_location(name, origin, loader=loader, submodule_search_locations=places)


@contextmanager
def record_imports(directory: Path | None) -> Iterator[Modules]:
    """Record the modules below the directory that are imported within the block, and their files' contents."""
    if directory is None:
        yield Modules()
        return
    finder = _Recorder(directory)
    sys.meta_path.insert(0, finder)
    try:
        yield finder.modules
    finally:
        sys.meta_path.remove(finder)


@contextmanager
def replay_imports(modules: Modules) -> Iterator[None]:
    """Import modules as they were recorded, within the block and, unless it raises, from then on.

    Modules that were replayed before stay, since a model may import its modules again.
    """
    before = list(sys.meta_path)
    earlier = [finder for finder in before if isinstance(finder, _Replayer)]
    for finder in earlier:
        modules = Modules(finder.modules.found | modules.found, finder.modules.files | modules.files)
    sys.meta_path[:] = [_Replayer(modules), *(finder for finder in before if finder not in earlier)]
    try:
        yield
    except BaseException:
        sys.meta_path[:] = before
        raise
