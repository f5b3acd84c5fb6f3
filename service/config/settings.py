"""Every setting, once: name, default, what it accepts, help. No other part of the server reads the environment."""

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from service.config import limits, platforms


class SettingError(Exception):
    """A setting's value is not what it accepts; the message is one line that names all three."""

    code = "bad setting"


@dataclass(frozen=True)
class Parser:
    """Reads a value from text, or raises ValueError; `accepts` says in words what it takes."""

    read: Callable[[str], Any]
    accepts: str


def _within(kind: Callable[[str], Any], low: float, high: float, words: str) -> Parser:
    def read(text: str) -> Any:
        value = kind(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return Parser(read, f"{words} from {low} to {high}")


def _matching(pattern: str, words: str, kind: Callable[[str], Any] = str) -> Parser:
    def read(text: str) -> Any:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return kind(text)

    return Parser(read, words)


def _whole(low: int, high: int) -> Parser:
    return _within(int, low, high, "a whole number")


SECONDS: Final = _within(float, 0.01, 3600, "seconds")
NO_SECONDS: Final = _within(float, 0, 3600, "seconds")
SHARE: Final = _within(float, 0, 1, "a share")
NAMES: Final = Parser(
    lambda text: tuple(
        map(str, json.loads(text)) if text.startswith("[") else filter(None, map(str.strip, text.split(",")))
    ),
    "names separated by commas, or a JSON list of them",
)
YES_NO: Final = _matching("(?i:0|1|false|true|no|yes)", "1 or 0", lambda text: text.lower() in ("1", "true", "yes"))
LEVEL: Final = _matching("(?i:debug|info|warning|error)", "debug, info, warning or error", str.lower)
ADDRESS: Final = _matching(
    r"[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?",
    "a host name or an address",
    lambda text: f"[{text.strip('[]')}]" if ":" in text else text,
)
ENGINES: Final = _matching("(?i:auto|scikit-learn)", "auto or scikit-learn", str.lower)
BIND: Final = _matching(
    r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}", "an address and a port, such as 127.0.0.1:9000"
)
PLATFORM: Final = _matching("|".join(platforms.NAMES), f"one of {', '.join(platforms.NAMES)}")
DIRECTORY: Final = _matching("(?!.*://).+", "a directory of this machine, not a URL: mount the bundle", Path)
ROUTE: Final = _matching("(?:/[A-Za-z0-9_.:~-]+)+", "a path of letters, digits and _.:~-")
DIGEST: Final = _matching("(?i:[0-9a-f]{64})", "64 hex digits", str.lower)


def setting(name: str, parser: Parser, help_text: str, *, default: Any) -> Any:
    """Declare one row of the table; a default that is callable is asked at start."""
    metadata = {"name": name, "parser": parser, "help": help_text, "default": default}
    return dataclasses.field(metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """The effective settings; made by from_env only, so that each value has been read by its parser."""

    host: str = setting("HOST", ADDRESS, "the address to listen on", default="0.0.0.0")  # noqa: S104  # a container's port
    port: int = setting("PORT", _whole(0, 65535), "the port to listen on; 0 takes a free one", default=8000)
    admin_bind: str | None = setting(
        "ADMIN_BIND", BIND, "another address, the only one that tells counts (/metrics, V2's stats)", default=None
    )
    tokens_file: Path | None = setting(
        "TOKENS_FILE", Parser(Path, "a path"), "sha256 hashes of the bearer tokens that are let in", default=None
    )
    workers: int = setting(
        "WEB_CONCURRENCY", _whole(1, 1024), "worker processes; default: the CPU quota", default=limits.cpus
    )
    threads: int = setting(
        "THREADS", _whole(1, 256), "predictions that a worker runs or has waiting at once", default=8
    )
    connections: int = setting(
        "WORKER_CONNECTIONS",
        _whole(1, 100_000),
        "connections that a worker has at once; default: the hard limit of descriptors less 64, at most 10000",
        default=limits.connections,
    )
    model_dir: Path = setting("MODEL_DIR", DIRECTORY, "the bundle to serve", default=Path("bundle"))
    watch_seconds: float = setting(
        "WATCH_SECONDS",
        NO_SECONDS,
        "how often MODEL_DIR is looked at, and reloaded when changed; 0: never",
        default=0.0,
    )
    model_sha256: str | None = setting(
        "MODEL_SHA256", DIGEST, "the sha256 that the bundle's manifest must have", default=None
    )
    allow_pickle: bool = setting(
        "ALLOW_PICKLE", YES_NO, "run a model that is a pickle, if MODEL_SHA256 pins it", default=False
    )
    model_name: str | None = setting(
        "MODEL_NAME",
        _matching("[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "letters, digits, dots, dashes and underscores"),
        "the name that paths such as /v2/models/NAME have for the model; its own by default",
        default=None,
    )
    platform: str | None = setting(
        "PLATFORM", PLATFORM, "whose conventions are followed; recognised by default", default=None
    )
    predict_route: str | None = setting(
        "PREDICT_ROUTE", ROUTE, "a further path for predictions, in the shape of Vertex AI", default=None
    )
    health_route: str | None = setting(
        "HEALTH_ROUTE", ROUTE, "a further path that answers as /health/ready does", default=None
    )
    model_code: Path | None = setting(
        "MODEL_CODE", Parser(Path, "a path"), "a directory of modules whose types the model may hold", default=None
    )
    engine: str = setting(
        "ENGINE", ENGINES, "auto: the compiled model where the bundle has one; or scikit-learn", default="auto"
    )
    max_body_bytes: int = setting(
        "MAX_BODY_BYTES", _whole(1, 2**31), "the largest request body, in bytes", default=16 * 2**20
    )
    gzip_bytes: int = setting(
        "GZIP_BYTES", _whole(0, 2**31), "answers from this size on are gzipped for those who accept it", default=65536
    )
    max_rows: int = setting("MAX_ROWS", _whole(1, 10**7), "the most rows in one request", default=10_000)
    slots: int = setting("PREDICTION_SLOTS", _whole(1, 256), "predictions that a worker runs at once", default=4)
    rows_at_once: int = setting(
        "PREDICTION_ROWS", _whole(1, 10**9), "rows that a worker predicts at once", default=20_000
    )
    queue_seconds: float = setting(
        "QUEUE_SECONDS", SECONDS, "how long a request waits for a slot before it is answered 503", default=1.0
    )
    request_seconds: float = setting(
        "REQUEST_SECONDS", SECONDS, "how soon after it arrived a request must be started, or it is 504", default=30.0
    )
    predict_seconds: float = setting(
        "PREDICT_SECONDS", SECONDS, "how long a request may take in a worker before that is replaced", default=60.0
    )
    boot_seconds: float = setting(
        "BOOT_SECONDS", SECONDS, "how long a worker may take to prove the golden rows", default=60.0
    )
    grace_seconds: int = setting(
        "GRACE_SECONDS", _whole(1, 3600), "how long requests in flight may take when stopping", default=6
    )
    drain_seconds: float = setting(
        "DRAIN_SECONDS", NO_SECONDS, "how long after SIGTERM requests are still taken, while not ready", default=3.0
    )
    read_seconds: float = setting(
        "READ_SECONDS", SECONDS, "how long a request may take to arrive, and its answer to be taken", default=10.0
    )
    keepalive_seconds: int = setting(
        "KEEPALIVE_SECONDS", _whole(1, 3600), "how long an idle connection is kept; longer than the proxy's", default=75
    )
    log_level: str = setting("LOG_LEVEL", LEVEL, "what is logged on stderr", default="info")
    log_share: float = setting("LOG_SHARE", SHARE, "share of successful predictions logged on stdout", default=1.0)
    log_rows: int = setting("LOG_ROWS", _whole(0, 10**7), "the most rows of one request in its log line", default=10)
    log_redact: tuple[str, ...] = setting("LOG_REDACT", NAMES, "features whose values are never logged", default=())

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read every setting; an empty value means the default. Raises SettingError."""
        environ = platforms.applied(environ)
        return cls(**{field.name: _read(field.metadata, environ) for field in dataclasses.fields(cls)})

    def describe(self) -> dict[str, str]:
        """Return each setting's name and effective value as a string."""
        return {field.metadata["name"]: str(getattr(self, field.name)) for field in dataclasses.fields(self)}


def _read(row: Mapping[str, Any], environ: Mapping[str, str]) -> Any:
    text = environ.get(row["name"], "").strip()
    if not text:
        return row["default"]() if callable(row["default"]) else row["default"]
    try:
        return row["parser"].read(text)
    except ValueError:
        raise SettingError(f"{row['name']}={text!r}: expected {row['parser'].accepts}.") from None
