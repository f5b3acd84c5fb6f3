"""The shell commands that make an environment of a scikit-learn version and pack there."""

import re
import shlex
from collections.abc import Sequence

from model.environments.making import PACKING
from model.environments.pins import ROOT, SKLEARN, blocks, requirements
from model.missing import IMPORTED


def pack_by_hand(version: str, arguments: Sequence[str]) -> str:
    """Return the commands that make an environment of a scikit-learn release and run a command of ours in it."""
    place = f"{SKLEARN}-{version}"
    pins = {name: f"{name}=={found}" for name, found, _ in reversed([*blocks(requirements(version, PACKING) or "")])}
    pins.setdefault(SKLEARN, f"{SKLEARN}=={version}")
    packages = [pins.get(re.split("[<>]", each)[0], each) for each in (*IMPORTED.values(), "scipy")]
    command = shlex.join([f"{place}/bin/python", "-m", "model", *arguments])
    return (
        f"python3.11 -m venv {place} && {place}/bin/pip install {shlex.join(packages)} && "
        f"PYTHONPATH={shlex.quote(str(ROOT))} {command}"
    )
