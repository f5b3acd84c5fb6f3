"""Writes the pins of each scikit-learn version: `python -m model.environments.lock UV [OPTION…]`, run by `make lock`.

Options are passed to uv. A file has the pins that differ from requirements-train.txt, and all releases of scikit-learn
that it is for.
"""

import itertools
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from model.environments.pins import ROOT, SKLEARN, blocks

# On a Python that these releases have no wheels for, only an older onnx takes numpy 1.
_ONNX: Final = "onnx"
_EXTRAS: Final = ("data", "mlflow", "versions")  # the extras in requirements-train.txt
# By file: the releases of scikit-learn, and bounds of other packages: the newest that these releases were tested with.
VERSIONS: Final = {
    "1.3": (("1.3.0", "1.3.1", "1.3.2"), ("numpy<2", "scipy<1.12", "pandas<2.3", _ONNX)),
    "1.4.0": (("1.4.0", "1.4.1.post1"), ("numpy<2", "scipy<1.13", "pandas<2.3", _ONNX)),
    "1.4": (("1.4.2",), ("numpy<2.1", "scipy<1.14", "pandas<2.3", _ONNX)),
    "1.5": (("1.5.0", "1.5.1", "1.5.2"), ("numpy<2.2", "scipy<1.15", "pandas<2.3")),
    "1.6": (("1.6.0", "1.6.1"), ("numpy<2.3", "scipy<1.16", "pandas<3")),
    "1.7": (("1.7.0", "1.7.1", "1.7.2"), ("numpy<2.4", "scipy<1.17", "pandas<3")),
    "1.8": (("1.8.0",), ("numpy<2.5", "scipy<1.18", "pandas<3.1")),
    "1.9": (("1.9.0", "1.9.1"), ()),
}
_COMPILE: Final = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header")


def main(arguments: Sequence[str]) -> None:
    """Compile each file."""
    uv, *options = arguments
    for name, (releases, others) in VERSIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            command = [uv, "pip", "compile", "-q", *_COMPILE, *options]
            text = "".join(_pins(Path(folder), command, release, others) for release in releases)
        unique = dict.fromkeys(lines for _, _, lines in blocks(text))
        (Path(__file__).parent / f"{name}.txt").write_text("".join(sorted(unique)))


def _pins(folder: Path, command: list[str], release: str, others: Sequence[str]) -> str:
    """Return the pins that differ for a release; uv keeps existing pins where it can."""
    base = (ROOT / "requirements-train.txt").read_text()
    output, wanted = folder / "out.txt", folder / "wanted.in"
    output.write_text(base)
    wanted.write_text("\n".join(_requirements([f"{SKLEARN}=={release}", *others])))
    subprocess.run([*command, str(wanted), "-o", str(output)], check=True, cwd=ROOT)
    same = {lines for _, _, lines in blocks(base)}
    return "".join(lines for name, _, lines in blocks(output.read_text()) if name == SKLEARN or lines not in same)


def _requirements(others: Sequence[str]) -> list[str]:
    """Return the requirements of packing in pyproject.toml, some of them with other bounds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {_name(each) for each in others}
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *itertools.chain.from_iterable(extras[each] for each in _EXTRAS)]
    return [*others, *(each for each in needed if _name(each) not in named)]


def _name(requirement: str) -> str:
    return re.split(r"[<>=;]", requirement)[0]


if __name__ == "__main__":
    main(sys.argv[1:])
