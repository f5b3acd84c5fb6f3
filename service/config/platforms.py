"""A table of hosting platforms: how each is detected, by what it documents, and which settings it implies.

A setting that is given always takes precedence over one that a platform implies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.config import temporary_dirs

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True)
class Platform:
    """One platform, which is detected if any of the variables is set or any of the directories exists.

    `implies` maps each setting to variables and a value: the setting gets the value of the first variable that is set,
    or else that value, unless it is empty.
    """

    name: str
    variables: tuple[str, ...]
    directories: tuple[str, ...]
    implies: Mapping[str, tuple[tuple[str, ...], str]]


PLATFORMS: Final = (
    # "Custom container requirements for prediction", AIP variables.
    Platform(
        "vertex",
        ("AIP_HTTP_PORT", "AIP_MODE"),
        (),
        {
            "PORT": (("AIP_HTTP_PORT",), "8080"),
            "PREDICT_ROUTE": (("AIP_PREDICT_ROUTE",), ""),
            "HEALTH_ROUTE": (("AIP_HEALTH_ROUTE",), ""),
            "MODEL_DIR": (("AIP_STORAGE_URI",), ""),  # or MODEL_URI, if the value is a URI
        },
    ),
    # "Deploy a custom container to an online endpoint"; the port is that of its own inference server.
    Platform(
        "azureml",
        ("AZUREML_MODEL_DIR",),
        (),
        {
            "PORT": (("SERVER_PORT",), "5001"),
            "MODEL_DIR": (("AZUREML_MODEL_DIR",), ""),
            "WEB_CONCURRENCY": (("WORKER_COUNT",), ""),
        },
    ),
    # "Use your own inference code with hosting services"; the argument `serve` selects it, too. It kills the container
    # 30 s after SIGTERM.
    Platform(
        "sagemaker",
        ("SAGEMAKER_BIND_TO_PORT",),
        ("/opt/ml/model",),
        {
            "PORT": (("SAGEMAKER_BIND_TO_PORT",), "8080"),
            "MODEL_DIR": ((), "/opt/ml/model"),
            "WEB_CONCURRENCY": (("SAGEMAKER_MODEL_SERVER_WORKERS",), ""),
            "GRACE_SECONDS": ((), "25"),
        },
    ),
    # Its storage initialiser puts the model there. Knative sets PORT itself; the default without Knative is 8080, too.
    Platform("kserve", (), ("/mnt/models",), {"PORT": ((), "8080"), "MODEL_DIR": ((), "/mnt/models")}),
)
NAMES: Final = tuple(platform.name for platform in PLATFORMS)


def apply_defaults(environ: Mapping[str, str], root: Path = Path("/")) -> dict[str, str]:
    """Return the environment with PLATFORM, and with the values that the platform implies for settings not given.

    The platforms' directories are looked for under `root`.
    """
    given = {name: value for name, value in environ.items() if value.strip()}
    platform = next((each for each in PLATFORMS if _is_here(each, given, root)), None)
    if platform is None:
        return _with_place_for_fetched(given, given)
    implied = {"PLATFORM": platform.name}
    for setting, (variables, otherwise) in platform.implies.items():
        value = next((given[name] for name in variables if name in given), otherwise)
        fetched = setting == "MODEL_DIR" and "://" in value
        if setting == "MODEL_DIR" and not fetched:
            value = _bundle_in(value, root)
        if value and not (fetched and "MODEL_DIR" in given):
            implied["MODEL_URI" if fetched else setting] = value
    return _with_place_for_fetched({**implied, **given}, given)


def _with_place_for_fetched(environ: dict[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment, with a directory of the server's own as MODEL_DIR if the bundle is fetched."""
    if "MODEL_URI" not in environ or "MODEL_DIR" in given:
        return environ
    return environ | {"MODEL_DIR": str(temporary_dirs.of_fetched(environ["MODEL_URI"].strip()))}


def _is_here(platform: Platform, environ: Mapping[str, str], root: Path) -> bool:
    if "PLATFORM" in environ:
        return environ["PLATFORM"] == platform.name
    mounted = any((root / each.lstrip("/")).is_dir() for each in platform.directories)
    return mounted or any(name in environ for name in platform.variables)


def _bundle_in(directory: str, root: Path) -> str:
    """Return the path of the bundle: the directory, or the only bundle in it; "" if there is no directory."""
    path = root / directory.lstrip("/")
    if not directory:
        return directory
    try:
        if not path.is_dir():
            return ""
        below = [each for each in path.iterdir() if not each.name.startswith(".") and (each / MANIFEST).is_file()]
        return str(path if (path / MANIFEST).is_file() or len(below) != 1 else below[0])
    except PermissionError:
        return str(path)  # reading the bundle will fail and say why
