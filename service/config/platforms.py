"""Where the server runs, recognised by what the platform documents, and the settings that follow from it, in one table.

An explicit setting always comes before what a platform implies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True)
class Platform:
    """One platform: it is here if any of the variables is set, or if any of the directories exists.

    `implies` gives a setting the value of the first variable that is set, else the value after them, if any.
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
            "MODEL_DIR": (("AIP_STORAGE_URI",), ""),
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
    # "Use your own inference code with hosting services"; the argument `serve` says so too. Killed 30 s after SIGTERM.
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
    # Its storage initialiser puts the model there. Knative sets PORT by itself; without it, the port is 8080 too.
    Platform("kserve", (), ("/mnt/models",), {"PORT": ((), "8080"), "MODEL_DIR": ((), "/mnt/models")}),
)
NAMES: Final = tuple(platform.name for platform in PLATFORMS)


def applied(environ: Mapping[str, str], root: Path = Path("/")) -> dict[str, str]:
    """Return the environment with what the platform implies where nothing is set, and PLATFORM with its name.

    `root` is where the platforms' directories are looked for.
    """
    given = {name: value for name, value in environ.items() if value.strip()}
    platform = next((each for each in PLATFORMS if _is_here(each, given, root)), None)
    if platform is None:
        return given
    implied = {"PLATFORM": platform.name}
    for setting, (variables, otherwise) in platform.implies.items():
        value = next((given[name] for name in variables if name in given), otherwise)
        if setting == "MODEL_DIR":
            value = _bundle_in(value, root)
        if value:
            implied[setting] = value
    return {**implied, **given}


def _is_here(platform: Platform, environ: Mapping[str, str], root: Path) -> bool:
    if "PLATFORM" in environ:
        return environ["PLATFORM"] == platform.name
    mounted = any((root / each.lstrip("/")).is_dir() for each in platform.directories)
    return mounted or any(name in environ for name in platform.variables)


def _bundle_in(directory: str, root: Path) -> str:
    """Return where the bundle is: the directory, or the only one in it that holds one; "" if there is no directory."""
    path = root / directory.lstrip("/")
    if not directory or "://" in directory:
        return directory
    try:
        if not path.is_dir():
            return ""
        below = [each for each in path.iterdir() if not each.name.startswith(".") and (each / MANIFEST).is_file()]
        return str(path if (path / MANIFEST).is_file() or len(below) != 1 else below[0])
    except PermissionError:
        return str(path)  # whoever reads the bundle says so
