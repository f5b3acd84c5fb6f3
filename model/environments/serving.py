"""Finds the scikit-learn release that serves a bundle: `python -m model.environments.serving BUNDLE` prints it.

It prints nothing for a bundle that any server can serve.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from model.environments.pins import SKLEARN, known_versions


def sklearn_needed(directory: Path, *, compiled: bool = True) -> str | None:
    """Return the release that a bundle's estimator was packed with, None if serving it needs no estimator.

    With `compiled`, a bundle with a compiled form needs none. Returns None if the directory is no bundle, too; the
    server will say so.
    """
    try:
        manifest = json.loads((directory / "manifest.json").read_text())
        if compiled and manifest.get("compiled"):
            return None
        stated = manifest.get("requires")
        if stated is None:
            stated = [f"{SKLEARN}=={manifest['made_with'][SKLEARN]}"]
        pins = dict(str(each).split("==", 1) for each in stated)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return pins.get(SKLEARN)


def main(arguments: Sequence[str]) -> int:
    """Print the release; a release without pins is an error."""
    (bundle,) = arguments
    version = sklearn_needed(Path(bundle))
    if version not in (None, *known_versions()):
        print(f"there are no pins of scikit-learn {version}, only of {', '.join(known_versions())}", file=sys.stderr)
        return 1
    print(version or "")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
