"""Puts the application into the wheel (hatch.pypa.io: custom build hook); pyproject.toml names this file.

It becomes a folder of the package `mlservice`, so that nobody's site-packages gets a package `model` or `service`. An
editable installation runs the checkout, and needs no copy.
"""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = ("model", "service", "wsgi.py", "gunicorn.conf.py", "requirements-train.txt")


class ApplicationHook(BuildHookInterface):
    """Called by hatchling, for a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folder, unless the version of the wheel is `editable`."""
        if version == "standard":
            places = {str(Path(self.root, name)): f"mlservice/application/{name}" for name in FILES}
            build_data["force_include"].update(places)
