"""Requirement files of other scikit-learn versions: the files of this checkout, with other pins.

`python -m model.environments.pins VERSION requirements.txt` prints one.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SKLEARN: Final = "scikit-learn"
# A requirement and its hashes: a line that ends in a backslash continues.
_BLOCK: Final = re.compile(r"^([a-z0-9-]+)==([^\s;\\]+)(?:.*\\\n)*.*\n", re.MULTILINE)


def blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the version and the lines of each requirement."""
    for found in _BLOCK.finditer(text):
        yield found[1], found[2], found[0]


def pins_of(version: str) -> str | None:
    """Return the pins for a release of scikit-learn, or None if there are none."""
    for path in sorted(Path(__file__).parent.glob("*.txt")):
        text = path.read_text()
        if (SKLEARN, version) in {(name, found) for name, found, _ in blocks(text)}:
            return "".join(lines for name, found, lines in blocks(text) if name != SKLEARN or found == version)
    return None


def known_versions() -> list[str]:
    """Return the releases of scikit-learn that have pins, the oldest first."""
    texts = [path.read_text() for path in Path(__file__).parent.glob("*.txt")]
    found = {version for text in texts for name, version, _ in blocks(text) if name == SKLEARN}
    return sorted(found, key=lambda version: [int(part) for part in re.findall(r"\d+", version)])


def requirements(version: str, base: Path) -> str | None:
    """Return a requirement file with the pins of a release of scikit-learn, or None if there are no such pins.

    An empty `version` means the release in the file `base`. The packages of the file get the release's pins. Further
    packages, which pandas needs, are only added to a file that has pandas, for packing, and not to a server's.
    """
    own = base.read_text()
    names = {name for name, _, _ in blocks(own)}
    if not version or (SKLEARN, version) in {(name, found) for name, found, _ in blocks(own)}:
        return own
    pins = pins_of(version)
    if pins is None:
        return None
    added = [lines for name, _, lines in blocks(pins) if name in names or "pandas" in names]
    replaced = {name for name, _, _ in blocks(pins)}
    return "".join([*(lines for name, _, lines in blocks(own) if name not in replaced), *added])


def main(arguments: Iterable[str]) -> int:
    """Print the requirement file of a version."""
    version, base = arguments
    text = requirements(version, Path(base))
    if text is None:
        print(f"there are no pins of scikit-learn {version}, only of {', '.join(known_versions())}", file=sys.stderr)
        return 1
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
