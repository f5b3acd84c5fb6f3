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
from sklearn.preprocessing import OneHotEncoder, PowerTransformer

from model.packing.pack import pack
from service.monitoring.log_format import Formatter
from service.monitoring.redaction import MASK, Redaction
from tests.badinput import NAMES
from tests.http.conftest import Server

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


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Pack a model of a string and a number; return what serves it."""
    folder = tmp_path_factory.mktemp("mixed") / "bundle"
    rows = pd.DataFrame({"note": ["a", "b"] * 10, "size": np.arange(20.0)})
    columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["note"]), remainder="passthrough")
    pack(make_pipeline(columns, LogisticRegression()).fit(rows, [SECRET, "x"] * 10), folder, name="mixed", data=rows)
    return lambda **environ: Server(folder, **environ)


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


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """Pack a model with a step that refuses negative numbers; return what serves it."""
    folder, rows = tmp_path_factory.mktemp("refusing") / "bundle", np.arange(1.0, 41).reshape(20, 2)
    estimator = make_pipeline(PowerTransformer("box-cox"), LogisticRegression()).fit(rows, [0, 1] * 10)
    pack(estimator, folder, name="refusing", data=rows, compiled=False)
    return lambda **environ: Server(folder, **environ)


@pytest.mark.parametrize(
    ("environ", "said"),
    [({}, "The Box-Cox"), ({"LOG_REDACT": "x0"}, "its words may"), ({"LOG_REDACT_PATTERN": "Box.Cox"}, f"The {MASK}")],
    ids=["nothing", "a name", "a pattern"],
)
def test_the_words_of_a_step_that_refuses_a_value_are_redacted(refusing, caplog, environ, said):
    """They may contain the value, which the model's own code repeats."""
    caplog.set_level("INFO")

    assert 422 == refusing(**environ).predict({"features": [-1.0, 1.0]}).status_code

    assert said in caplog.text
    assert ("Box" in said) == ("Box" in caplog.text)


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
            float(fruit)
        except ValueError as error:
            error.add_note(f"it was a {fruit}")
            raise KeyError(fruit) from error
    except KeyError:
        found = Formatter("%(message)s", redaction=redaction).formatException(sys.exc_info())

    assert kept == found.count(fruit)
    assert ("KeyError" in found, "ValueError" in found, "float(fruit)" in found) == (True, True, True)


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
