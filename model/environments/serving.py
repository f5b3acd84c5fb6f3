"""Which scikit-learn a bundle is served with: `python -m model.environments.serving BUNDLE` prints its release.

It prints nothing for a bundle that any server takes.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from model.environments.pins import SKLEARN, known_versions


def sklearn_needed(directory: Path, *, compiled: bool = True) -> str | None:
    """Return the release that a bundle's estimator was packed with, if it takes an estimator to serve it.

    With `compiled`, a compiled form does. Returns None for what is not a bundle, too: the server says what it is.
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
    """Print the release; one that nothing is pinned for is an error."""
    (bundle,) = arguments
    version = sklearn_needed(Path(bundle))
    if version not in (None, *known_versions()):
        print(f"there are no pins of scikit-learn {version}, only of {', '.join(known_versions())}", file=sys.stderr)
        return 1
    print(version or "")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
