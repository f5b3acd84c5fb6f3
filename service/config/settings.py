"""The table of all settings: parser, help and default. No other part of the server reads the environment.

marshmallow's fields were tried in place of the parsers: 222 lines instead of 230. But this module took 60 ms longer to
import. And as it is imported before all libraries, one that is not installed could no longer be reported in one line.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from service.config import limits, platforms
from service.config.refusals import Refused

if TYPE_CHECKING:
    from model.storage.uris import ModelUri


class SettingError(Refused):
    """A setting has a value that it does not accept; the message names the setting, the value and what is accepted."""

    def __init__(self, reason: str) -> None:
        super().__init__("bad setting", reason)


@dataclass(frozen=True)
class Parser:
    """Reads a value from a string, or raises ValueError; `accepts` says in words which values are accepted.

    `show` returns a refused value as error messages may quote it.
    """

    read: Callable[[str], Any]
    accepts: str
    show: Callable[[str], str] = repr


def _read_uri(value: str) -> "ModelUri":
    from model.storage.uris import ModelUri  # noqa: PLC0415  # only servers with MODEL_URI need it

    return ModelUri.of(value)


def _show_uri(value: str) -> str:
    from model.storage.uris import without_secrets  # noqa: PLC0415  # as above

    return without_secrets(value)


def _within(kind: Callable[[str], Any], low: float, high: float, words: str) -> Parser:
    def read(given: str) -> Any:
        value = kind(given)
        if not low <= value <= high:
            raise ValueError(given)
        return value

    return Parser(read, f"{words} from {low} to {high}")


def _matching(pattern: str, words: str, kind: Callable[[str], Any] = str) -> Parser:
    def read(given: str) -> Any:
        if not re.fullmatch(pattern, given):
            raise ValueError(given)
        return kind(given)

    return Parser(read, words)


def _whole(low: int, high: int) -> Parser:
    return _within(int, low, high, "a whole number")


def _values(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict) or any(isinstance(value, (list, dict)) for value in given.values()):
        raise ValueError(given)
    return given


SECONDS: Final = _within(float, 0.01, 3600, "seconds")
SECONDS_OR_NEVER: Final = _within(float, 0, 3600, "seconds")
MINUTES: Final = _within(float, 0.01, 100_000, "minutes")
SHARE: Final = _within(float, 0, 1, "a share")
NAMES: Final = Parser(
    lambda given: tuple(
        map(str, json.loads(given)) if given.startswith("[") else filter(None, map(str.strip, given.split(",")))
    ),
    "names separated by commas, or a JSON list of them",
)
VALUES: Final = Parser(
    lambda given: {"*": None} if given == "missing" else _values(json.loads(given)),
    "missing, or a JSON object of numbers, strings, true, false or null by column",
)
FORMAT: Final = _matching("(?i:native|sagemaker|cloudevents)", "native, sagemaker or cloudevents", str.lower)
PATTERN: Final = Parser(str, "a regular expression")
YES_NO: Final = _matching("(?i:0|1|false|true|no|yes)", "1 or 0", lambda given: given.lower() in ("1", "true", "yes"))
LEVEL: Final = _matching("(?i:debug|info|warning|error)", "debug, info, warning or error", str.lower)
ADDRESS: Final = _matching(
    r"[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?",
    "a host name or an address",
    lambda given: f"[{given.strip('[]')}]" if ":" in given else given,
)
ENGINES: Final = _matching("(?i:auto|scikit-learn)", "auto or scikit-learn", str.lower)
BIND: Final = _matching(
    r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}", "an address and a port, such as 127.0.0.1:9000"
)
PLATFORM: Final = _matching("|".join(platforms.NAMES), f"one of {', '.join(platforms.NAMES)}")
URI: Final = Parser(_read_uri, "s3://…, gs://…, az://…, https://…, file:///… or models:/…, with a path", _show_uri)
DIRECTORY: Final = _matching("(?!.*://).+", "a directory of this machine, not a URL: mount the bundle", Path)
ROUTE: Final = _matching("(?:/[A-Za-z0-9_.:~-]+)+", "a path of letters, digits and _.:~-")
DIGEST: Final = _matching("(?i:[0-9a-f]{64})", "64 hex digits", str.lower)


def setting(parser: Parser, help_text: str, *, default: Any) -> Any:
    """Declare a row of the table; if the default is callable, it is called at each start."""
    return dataclasses.field(metadata={"parser": parser, "help": help_text, "default": default})


@dataclass(frozen=True)
class Settings:
    """The settings in force, each under the name of its environment variable in lower case.

    Only from_env creates them, so that a parser has read each value.
    """

    host: str = setting(ADDRESS, "the address to listen on", default="0.0.0.0")  # noqa: S104  # a container's port
    port: int = setting(_whole(0, 65535), "the port to listen on; 0 picks a free one", default=8000)
    admin_bind: str | None = setting(
        BIND, "a second address to listen on; metrics and statistics are then served only there", default=None
    )
    forwarded_prefix: bool = setting(
        YES_NO,
        "believe the header X-Forwarded-Prefix, by which a proxy says below which path it has the service",
        default=False,
    )
    pages: bool = setting(YES_NO, "serve pages for people: the model's page at / for browsers, and /docs", default=True)
    tokens_file: Path | None = setting(
        Parser(Path, "a path"), "a file with the SHA-256 of each bearer token that is accepted", default=None
    )
    web_concurrency: int = setting(_whole(1, 1024), "worker processes; default: the CPU quota", default=limits.cpus)
    threads: int = setting(_whole(1, 256), "prediction requests that a worker computes or queues at once", default=8)
    worker_connections: int = setting(
        _whole(1, 100_000),
        "open connections per worker; default: the hard limit of descriptors minus 64, at most 10000",
        default=limits.connections,
    )
    model_dir: Path = setting(DIRECTORY, "the bundle to serve", default=Path("bundle"))
    model_uri: "ModelUri | None" = setting(
        URI, "where the bundle is fetched from, into MODEL_DIR, before the server starts", default=None
    )
    fetch_seconds: float = setting(SECONDS, "how long fetching the bundle may take, with all attempts", default=300.0)
    fetch_bytes: int = setting(_whole(1, 2**50), "the largest bundle that is fetched, in bytes", default=2**32)
    allow_http: bool = setting(
        YES_NO, "fetch the bundle over http:// too, which others on the way can read and change", default=False
    )
    watch_seconds: float = setting(
        SECONDS_OR_NEVER,
        "how often to check MODEL_DIR, or MODEL_URI if that is set, for a new model to load; 0: never",
        default=0.0,
    )
    model_sha256: str | None = setting(DIGEST, "the SHA-256 that the bundle's manifest must have", default=None)
    model_signature_key: Path | None = setting(
        Parser(Path, "a path"), "a file of public keys, one of which must have signed the bundle", default=None
    )
    allow_pickle: bool = setting(YES_NO, "load a model that is a pickle, if MODEL_SHA256 pins it", default=False)
    model_name: str | None = setting(
        _matching("[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "letters, digits, dots, dashes and underscores"),
        "the model's name in paths such as /v2/models/NAME; default: the name in the bundle",
        default=None,
    )
    platform: str | None = setting(
        PLATFORM, "the hosting platform whose conventions apply; default: detected", default=None
    )
    predict_route: str | None = setting(
        ROUTE, "an additional path for predictions, in Vertex AI's format", default=None
    )
    health_route: str | None = setting(ROUTE, "an additional path that answers like /health/ready", default=None)
    model_code: Path | None = setting(
        Parser(Path, "a path"), "a directory of Python modules whose classes the model may contain", default=None
    )
    engine: str = setting(ENGINES, "auto: the compiled model if the bundle has one; or scikit-learn", default="auto")
    max_body_bytes: int = setting(
        _whole(1, 2**31), "the largest request body that is accepted, in bytes", default=16 * 2**20
    )
    gzip_bytes: int = setting(
        _whole(0, 2**31), "the smallest answer that is compressed for clients that accept gzip, in bytes", default=65536
    )
    max_rows: int = setting(_whole(1, 10**7), "the most rows in one request", default=10_000)
    ignore_extra_columns: bool = setting(YES_NO, "ignore columns that the model does not take", default=False)
    missing_columns: Mapping[str, Any] | None = setting(
        VALUES, "the values of columns that a request lacks", default=None
    )
    row_id: str | None = setting(
        _matching(r"(?=.*\S).{1,100}", "the name of a column"),
        "a column that the model does not take, whose values are returned with the answers",
        default=None,
    )
    terse_errors: bool = setting(YES_NO, "answer errors without what the model takes", default=False)
    prediction_slots: int = setting(_whole(1, 256), "predictions that a worker computes at once", default=4)
    prediction_rows: int = setting(_whole(1, 10**9), "rows that a worker predicts at once", default=20_000)
    queue_seconds: float = setting(
        SECONDS, "how long a request waits for a slot before it is refused with 503", default=1.0
    )
    request_seconds: float = setting(
        SECONDS,
        "how long after a request's arrival its prediction may start; later, it is refused with 504",
        default=30.0,
    )
    predict_seconds: float = setting(SECONDS, "how long a request may take before its worker is replaced", default=60.0)
    boot_seconds: float = setting(
        SECONDS, "how long a worker may take to start and to reproduce the golden rows", default=60.0
    )
    grace_seconds: int = setting(
        _whole(1, 3600), "how long requests in flight may take to finish when the server stops", default=6
    )
    drain_seconds: float = setting(
        SECONDS_OR_NEVER,
        "how long requests are still accepted after SIGTERM, while the server is not ready",
        default=3.0,
    )
    read_seconds: float = setting(
        SECONDS, "how long a client may take to send a request, and to read the answer", default=10.0
    )
    keepalive_seconds: int = setting(
        _whole(1, 3600), "how long an idle connection stays open; set it longer than the proxy's", default=75
    )
    build_revision: str = setting(
        _matching("[ -~]{1,100}", "up to 100 characters of ASCII"),
        "the revision of the source that the server was built from, for its metrics",
        default="unknown",
    )
    log_level: str = setting(LEVEL, "the lowest level that is logged on stderr", default="info")
    log_file: Path | None = setting(
        Parser(Path, "a path"), "the file of the prediction log; default: stdout", default=None
    )
    log_file_bytes: int = setting(
        _whole(0, 2**40), "the size at which LOG_FILE is rotated, in bytes; 0: never", default=100 * 2**20
    )
    log_files: int = setting(_whole(1, 1000), "how many rotated files are kept", default=5)
    log_format: str = setting(
        FORMAT, "the format of the prediction log: native, sagemaker or cloudevents", default="native"
    )
    log_share: float = setting(SHARE, "the share of successful predictions that is logged", default=1.0)
    log_rows: int = setting(_whole(0, 10**7), "the most rows of one request in its log line", default=10)
    log_redact: tuple[str, ...] = setting(NAMES, "features whose values are never logged", default=())
    log_redact_pattern: str | None = setting(
        PATTERN, "what is never logged of values and messages, whatever feature it is of", default=None
    )
    drift_rows: int = setting(
        _whole(100, 10**9), "the most rows that are compared with the training data", default=100_000
    )
    drift_minutes: float = setting(
        MINUTES, "how long ago the oldest row may be that is compared with the training data", default=60.0
    )
    drift_least_rows: int = setting(
        _whole(1, 10**9), "rows that the window must have; with fewer, no drift is reported", default=500
    )
    drift_features: tuple[str, ...] = setting(
        NAMES, "features that are compared with the training data; default: the 20 that tell most", default=()
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read every setting; an empty value means the default. Raises SettingError."""
        environ = platforms.apply_defaults(environ)
        return cls(
            **{field.name: _read(field.name.upper(), field.metadata, environ) for field in dataclasses.fields(cls)}
        )

    @property
    def slots_at_most(self) -> int:
        """How many predictions a worker computes at once: no more than it has threads."""
        return min(self.prediction_slots, self.threads)

    def describe(self) -> dict[str, str]:
        """Return each setting's value as a string, by the setting's name."""
        return {field.name.upper(): str(getattr(self, field.name)) for field in dataclasses.fields(self)}


def _read(name: str, row: Mapping[str, Any], environ: Mapping[str, str]) -> Any:
    value = environ.get(name, "").strip()
    if not value:
        return row["default"]() if callable(row["default"]) else row["default"]
    try:
        return row["parser"].read(value)
    except ValueError:
        parser = row["parser"]
        raise SettingError(f"{name}={parser.show(value)}: expected {parser.accepts}.") from None
