"""What the operator vouches for, and their own code."""

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Trust:
    """What the operator vouches for.

    `pin` is the sha256, in hex, that the manifest must have. `pickle` lets a pickle run, if it is pinned. `code` is a
    directory whose modules' types may be in the model.
    """

    pin: str | None = None
    pickle: bool = False
    code: Path | None = None


def modules_in(code: Path | None) -> frozenset[str]:
    """Make the operator's code importable, and return the names of its top-level modules."""
    if code is None:
        return frozenset()
    if str(code) not in sys.path:
        sys.path.append(str(code))  # last: it must not take the place of anything that is installed
    return frozenset(path.stem for path in code.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists())
