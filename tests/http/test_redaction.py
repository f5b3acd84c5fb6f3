"""LOG_REDACT and LOG_REDACT_PATTERN: what they name is in neither of the logs, whatever goes wrong."""

import io
import logging
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from model.packing.pack import pack
from service.monitoring.log_format import Formatter
from service.monitoring.redaction import MASK, Redaction
from tests.badinput import NAMES
from tests.http.test_own_code_refusals import BAD, days, letters, serve_own  # noqa: F401  # a fixture

SECRET = "4111111111111111"
PATTERN = r"\d{16}"


@pytest.fixture
def stderr():
    """Log as the server does, with a redaction; return what was written."""
    written, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level

    def start(redaction):
        handler.setFormatter(Formatter("%(levelname)s: %(message)s", redaction=redaction))
        root.addHandler(handler)
        root.setLevel("DEBUG")
        return written

    yield start
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def mixed(serve, tmp_path):
    """Serve a model of a string and a number."""
    rows = pd.DataFrame({"note": ["a", "b"] * 10, "size": np.arange(20.0)})
    columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["note"]), remainder="passthrough")
    pack(make_pipeline(columns, LogisticRegression()).fit(rows, [SECRET, "x"] * 10), tmp_path, name="mixed", data=rows)
    return lambda **environ: serve(tmp_path, **environ)


def test_values_that_match_are_masked_and_predictions_stay(mixed):
    """The rest of a string stays, a number is null, the line names the features; a label is the model's own."""
    server = mixed(LOG_REDACT_PATTERN=PATTERN)
    server.predict({"instances": [[f"card {SECRET}.", 1], ["a", float(SECRET)], ["b", 2]]})
    server.predict({"features": ["b", 2]})

    masked, whole = server.logged()
    assert [[f"card {MASK}.", 1.0], ["a", None], ["b", 2.0]] == masked["inputs"]
    assert ["note", "size"] == masked["redacted"]
    assert {SECRET, "x"} >= set(masked["predictions"])
    assert ([["b", 2.0]], None) == (whole["inputs"], whole.get("redacted"))


@pytest.mark.parametrize(
    ("path", "document", "headers"),
    [
        ("/predict", {"features": ["a", SECRET]}, {}),
        ("/predict", {"features": {"note": "a", SECRET: 1}}, {}),
        ("/predict", {"features": {"note": "a", "size": f"{'x' * 30}{SECRET}"}}, {}),
        ("/predict", {SECRET: 1}, {}),
        (f"/{SECRET}", {}, {}),
        (f"/{'x' * 90}/{SECRET}", {}, {}),
        (f"/v2/models/{SECRET}/infer", {}, {}),
        ("/predict", {}, {"X-Forwarded-For": f"1.2.3.4, {SECRET}"}),
        ("/predict", {"features": ["a", 1]}, {"X-Request-Timeout": SECRET}),
    ],
    ids=["value", "name", "cut value", "member", "path", "cut path", "model", "forwarded for", "header"],
)  # fmt: skip
def test_what_matches_is_in_no_message_path_pointer_or_header(mixed, path, document, headers):
    """Wherever a caller puts it, and also where only a part of it is said."""
    server = mixed(LOG_REDACT_PATTERN=PATTERN, IGNORE_EXTRA_COLUMNS="0")

    server.client.post(path, json=document, headers=headers)

    (line,) = server.lines
    assert SECRET[:9].encode() not in line
    assert server.logged()[0]["code"] != "ok"


@pytest.mark.parametrize(
    ("environ", "said"),
    [({}, "banana"), ({"LOG_REDACT": "x"}, "its words"), ({"LOG_REDACT_PATTERN": "ban.na"}, MASK)],
    ids=["nothing", "a name", "a pattern"],
)
def test_the_words_of_a_step_that_refuses_a_value_are_redacted(serve_own, caplog, environ, said):  # noqa: F811
    """They may contain the value, which the model's own code repeats."""
    caplog.set_level("INFO")

    assert 422 == serve_own(days, **environ).predict({"instances": BAD}).status_code

    assert said in caplog.text
    assert (said == "banana") == ("banana" in caplog.text)


@pytest.mark.parametrize(
    ("redaction", "kept"),
    [(Redaction(), 3), (Redaction(["x"]), 0), (Redaction(pattern="ban.na"), 0)],
    ids=["nothing", "a name", "a pattern"],
)
def test_the_words_of_exceptions_are_redacted_on_stderr(redaction, kept):
    """Tracebacks keep the places and the types, also of causes; not what the exceptions say, nor their notes."""
    fruit = "banana"
    try:
        try:
            days([fruit])
        except ValueError as error:
            error.add_note(f"it was a {fruit}")
            raise KeyError(fruit) from error
    except KeyError:
        found = Formatter("%(message)s", redaction=redaction).formatException(sys.exc_info())

    assert kept == found.count(fruit)
    assert ("KeyError" in found, "ValueError" in found, "in days" in found) == (True, True, True)


@pytest.mark.parametrize("environ", [{"LOG_REDACT": ",".join(NAMES)}, {"LOG_REDACT_PATTERN": "hunter2"}])
def test_terse_errors_reveal_no_more_on_stderr(serve, stderr, environ):
    """At the debug level the server says where a request was wrong: a name may be a value there, too."""
    redaction = Redaction(NAMES) if "LOG_REDACT" in environ else Redaction(pattern="hunter2")
    written = stderr(redaction)
    server = serve(TERSE_ERRORS="1", **environ)

    for document in ({"features": {"hunter2": 1}}, {"hunter2": 1}, {"features": [1, "hunter2", 1, 1]}):
        server.predict(document)
    server.client.post("/predict", data=b"hunter2,1\nhunter2,2\n", content_type="text/csv")

    assert 4 == written.getvalue().count("request ")
    assert "hunter2" not in written.getvalue()
