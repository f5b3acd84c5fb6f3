"""Every kind of bad input with the answer it must get; asked in process and, on one connection, of a real server."""

import json
from dataclasses import dataclass

JSON = "application/json"
ROW = [5.1, 3.5, 1.4, 0.2]
NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
MAX_BODY_BYTES = 1_000_000
MAX_ROWS = 1000


@dataclass(frozen=True)
class Bad:
    """One bad request; `pointer` is where the first entry of `errors` must point, None where there are none."""

    name: str
    body: bytes
    status: int
    code: str
    pointer: str | None = None
    content_type: str | None = JSON
    method: str = "POST"
    path: str = "/predict"


def _rows(document: object) -> bytes:
    return json.dumps(document).encode()


def _named(**changes: object) -> dict[str, object]:
    return {**dict(zip(NAMES, ROW, strict=True)), **changes}


_UNKNOWN = {**_named(), "colour": 1}
_MISSPELT = {("petal widht (cm)" if name == NAMES[3] else name): cell for name, cell in _named().items()}
_SHORT = {name: cell for name, cell in _named().items() if name != NAMES[3]}
_TWICE = b'{"features": {"sepal length (cm)": 1, ' + _rows(_named())[1:] + b"}"
_TWICE_LATER = b'{"instances": [[1,2,3,4], {"sepal length (cm)": 1, ' + _rows(_named())[1:] + b"]}"

BAD = [
    Bad("not JSON", b"sepals", 400, "invalid_json"),
    Bad("truncated JSON", b'{"features": [5.1, 3.5', 400, "invalid_json"),
    Bad("NaN", b'{"features": [NaN, 1, 1, 1]}', 400, "invalid_json"),
    Bad("Infinity", b'{"features": [Infinity, 1, 1, 1]}', 400, "invalid_json"),
    Bad("negative Infinity", b'{"features": [-Infinity, 1, 1, 1]}', 400, "invalid_json"),
    Bad("1e400", b'{"features": [1e400, 1, 1, 1]}', 400, "invalid_json"),
    Bad("an integer of 100,000 digits", b'{"features": [' + b"9" * 100_000 + b", 1, 1, 1]}", 400, "invalid_json"),
    Bad("100,000 nested brackets", b"[" * 100_000, 400, "invalid_json"),
    Bad("balanced 100,000 brackets", b"[" * 100_000 + b"]" * 100_000, 400, "invalid_json"),
    Bad("nested objects", b'[{"":' * 50_000, 400, "invalid_json"),
    Bad("broken UTF-8", b'{"features": ["\xc3\x28", 1, 1, 1]}', 400, "invalid_json"),
    Bad("UTF-16", '{"features": [1, 1, 1, 1]}'.encode("utf-16"), 400, "invalid_json"),
    Bad("byte order mark", b"\xef\xbb\xbf" + _rows({"features": ROW}), 400, "invalid_json"),
    Bad("two documents", _rows({"features": ROW}) * 2, 400, "invalid_json"),
    Bad("empty body", b"", 400, "invalid_json"),
    Bad("a form", _rows({"features": ROW}), 415, "unsupported_media_type", None, "application/x-www-form-urlencoded"),
    Bad("no content type", _rows({"features": ROW}), 415, "unsupported_media_type", None, None),
    Bad("another charset", _rows({"features": ROW}), 415, "unsupported_media_type", None, JSON + "; charset=latin-1"),
    Bad("a charset that is none", _rows({"features": ROW}), 415, "unsupported_media_type", None, JSON + "; charset=x"),
    Bad("a pickle", b"\x80\x04K\x01.", 415, "unsupported_media_type", None, "application/x-pickle"),
    Bad("JSON null", b"null", 422, "invalid_request", ""),
    Bad("JSON list", b"[[5.1, 3.5, 1.4, 0.2]]", 422, "invalid_request", ""),
    Bad("neither member", b"{}", 422, "invalid_request", ""),
    Bad("both members", _rows({"features": ROW, "instances": [ROW]}), 422, "invalid_request", ""),
    Bad("a further member", _rows({"features": ROW, "extra": 1}), 422, "invalid_request", "/extra"),
    Bad("a member twice", b'{"features": [1, 1, 1, 1], "features": [1, 1, 1, 2]}', 422, "duplicate_name", "/features"),
    Bad("features null", _rows({"features": None}), 422, "invalid_row", "/features"),
    Bad("features a number", _rows({"features": 5.1}), 422, "invalid_row", "/features"),
    Bad("a row within a row", _rows({"features": [ROW]}), 422, "wrong_feature_count", "/features"),
    Bad("three features", _rows({"features": ROW[:3]}), 422, "wrong_feature_count", "/features"),
    Bad("five features", _rows({"features": [*ROW, 1]}), 422, "wrong_feature_count", "/features"),
    Bad("a ragged second row", _rows({"instances": [ROW, ROW[:3]]}), 422, "wrong_feature_count", "/instances/1"),
    Bad("no features", _rows({"features": []}), 422, "wrong_feature_count", "/features"),
    Bad("values too large to compute with", _rows({"features": [1.7e308] * 4}), 422, "no_finite_answer"),
    Bad("a string", _rows({"features": [5.1, "3.5", 1.4, 0.2]}), 422, "invalid_value", "/features/1"),
    Bad("true", _rows({"features": [5.1, 3.5, True, 0.2]}), 422, "invalid_value", "/features/2"),
    Bad("null", _rows({"instances": [ROW, [5.1, 3.5, 1.4, None]]}), 422, "invalid_value", "/instances/1/3"),
    Bad("a list", _rows({"features": [5.1, 3.5, 1.4, [0.2]]}), 422, "invalid_value", "/features/3"),
    Bad("an object", _rows({"features": [5.1, 3.5, 1.4, {}]}), 422, "invalid_value", "/features/3"),
    Bad(
        "a string by name",
        _rows({"features": _named(**{NAMES[1]: "x"})}),
        422,
        "invalid_value",
        "/features/sepal width (cm)",
    ),
    Bad("an unknown name", _rows({"features": _UNKNOWN}), 422, "unknown_feature", "/features/colour"),
    Bad("a misspelt name", _rows({"features": _MISSPELT}), 422, "unknown_feature", "/features/petal widht (cm)"),
    Bad("a missing name", _rows({"features": _SHORT}), 422, "missing_feature", "/features/petal width (cm)"),
    Bad("a name twice", _TWICE, 422, "duplicate_name", "/features/sepal length (cm)"),
    Bad("a name twice in a later row", _TWICE_LATER, 422, "duplicate_name", "/instances/1/sepal length (cm)"),
    Bad("instances no list", _rows({"instances": {"a": 1}}), 422, "invalid_request", "/instances"),
    Bad("zero rows", _rows({"instances": []}), 422, "no_rows", "/instances"),
    Bad("too many rows", _rows({"instances": [ROW] * (MAX_ROWS + 1)}), 422, "too_many_rows", "/instances"),
    Bad("too large", b"[" + b" " * MAX_BODY_BYTES + b"]", 413, "body_too_large"),
    Bad("unknown route", _rows({"features": ROW}), 404, "not_found", path="/predictions"),
    Bad("a path out of the root", b"", 404, "not_found", path="/..%2f..%2fetc%2fpasswd"),
    Bad("a doubled slash", _rows({"features": ROW}), 404, "not_found", path="/model//"),
    Bad("GET", b"", 405, "method_not_allowed", method="GET"),
    Bad("DELETE", b"", 405, "method_not_allowed", method="DELETE"),
    Bad("a method of no standard", b"", 405, "method_not_allowed", method="BREW"),
    Bad("POST to health", b"{}", 405, "method_not_allowed", path="/health"),
]
