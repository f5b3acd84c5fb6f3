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


@dataclass(frozen=True, eq=False)
class _Finder(MetaPathFinder):
    """Finds recorded modules; with a directory, it records those below it, which it finds as the interpreter does."""

    modules: Modules
    directory: Path | None = None

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a recorded module; None for any other."""
        if self.directory is not None and (spec := PathFinder.find_spec(fullname, path, target)):
            places = None if spec.submodule_search_locations is None else [*spec.submodule_search_locations]
            files = (spec.origin or "", *(places or ()))
            if any(Path(each).is_relative_to(self.directory.absolute()) for each in files):
                self.modules.found[fullname] = spec.origin if spec.has_location else None, places
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
    finder = _Finder(Modules(), directory)
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
    earlier = [finder for finder in before if isinstance(finder, _Finder)]
    for finder in earlier:
        modules = Modules(finder.modules.found | modules.found, finder.modules.files | modules.files)
    sys.meta_path[:] = [_Finder(modules), *(finder for finder in before if finder not in earlier)]
    try:
        yield
    except BaseException:
        sys.meta_path[:] = before
        raise
