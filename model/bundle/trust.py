"""What the operator trusts, and imports of the operator's own code."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SIGNATURE: Final = "model.sig"  # the file of a bundle's digital signature, beside the manifest
MOST_SIGNATURE: Final = 2**20  # bytes; enough for a statement of some thousand files


@dataclass(frozen=True)
class Trust:
    """What the operator trusts.

    `pin` is the sha256, in hex, that the manifest must have. `pickle` allows a pickle, if it is pinned. `code` is a
    directory of modules whose types may be in the model. `modules` are the names of its top-level modules, given if the
    directory must not be read. `keys` is a file of public keys, one of which must have signed the bundle.
    """

    pin: str | None = None
    pickle: bool = False
    code: Path | None = None
    modules: frozenset[str] | None = None
    keys: Path | None = None

    def own_modules(self) -> frozenset[str]:
        """Return the names of the code's top-level modules; unless they are given, make the code importable."""
        return modules_in(self.code) if self.modules is None else self.modules


def modules_in(code: Path | None) -> frozenset[str]:
    """Make the operator's code importable, and return the names of its top-level modules."""
    if code is None:
        return frozenset()
    make_importable(code)
    return frozenset(path.stem for path in code.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists())


def make_importable(code: Path | None) -> None:
    """Add the operator's code to the import path."""
    if code is not None and str(code) not in sys.path:
        sys.path.append(str(code))  # last, so that it shadows nothing that is installed
