"""What the server writes to stderr while the model's own code fails on what callers send."""

import re
import unicodedata

import pytest

from tests.system.conftest import DEADLINE, eventually, launching

FORGED = "\n[1999-12-31 10:15:42 +0000] [1] [INFO] all is well\r\x1b[2J\x9b31m\u2028\u202e\x07"
RECORD = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(,\d{3}| [+-]\d{4})\] \[\d+\] \[[A-Z]+\] ")
CODE = """
import warnings
from sklearn.base import BaseEstimator, TransformerMixin
class Loud(TransformerMixin, BaseEstimator):
    def fit(self, rows, labels=None):
        self.n_features_in_ = 1
        return self
    def transform(self, rows):
        kind, _, text = str(rows[0, 0]).partition(":")
        if kind == "raise":
            try:
                raise KeyError(text)
            except KeyError as error:
                raise type(text[:80], (RuntimeError,), {})(text) from error
        if kind == "warn":
            warnings.simplefilter("always")
            warnings.warn(text)
        return rows
"""
PACK = """
import numpy as np
from loud import Loud
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from model.packing.pack import pack
rows, labels = np.array([["a"], ["b"]] * 10, dtype=object), [0, 1] * 10
model = make_pipeline(Loud(), OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(rows, labels)
pack(model, folder / "bundle", name="loud", data=rows, code=folder)
"""


@pytest.fixture(scope="module")
def loud(pack_own):
    """Pack a model whose own code raises, or warns, as its input says: the arguments to serve it with."""
    folder = pack_own("loud", CODE, PACK)
    return {"bundle": folder / "bundle", "MODEL_CODE": str(folder)}


@pytest.fixture(scope="module")
def telling(tmp_path_factory, loud):
    """Start a server of it that logs at the debug level, which tests share."""
    with launching(tmp_path_factory, loud["bundle"]) as launch:
        server = launch(MODEL_CODE=loud["MODEL_CODE"], WEB_CONCURRENCY="1", LOG_LEVEL="debug")
        server.wait_until_ready()
        yield server


def records(text):
    """Return the log's records, each the lines of one, having proven that nothing in it moves a cursor."""
    strange = {each for each in text if unicodedata.category(each) in {"Cc", "Cf", "Zl", "Zp"}}
    assert strange <= {"\n"}
    found = []
    for line in text.removesuffix("\n").split("\n"):
        if RECORD.match(line):
            found.append([line])
        else:
            found[-1].append(line)
    assert all(line.startswith("  ") for record in found for line in record[1:])
    return found


@pytest.mark.parametrize(("kind", "status"), [("raise", 500), ("warn", 200)])
def test_text_from_a_request_forges_no_record_and_reaches_no_terminal(telling, kind, status):
    """An exception of the model's own code, with its cause, and a warning, both of a caller's text."""
    before = len(records(telling.errors))

    assert status == telling.predict({"instances": [[f"{kind}:{FORGED}"]]})[0]

    eventually(lambda: len(records(telling.errors)) > before, "a record")
    found = [record for record in records(telling.errors)[before:] if "all is well" in "".join(record)]
    assert found
    assert not any(record[0].startswith("[1999") for record in found)
    assert b"\x7f" not in telling.out.read_bytes()
    assert 200 == telling.predict({"instances": [["a"]]})[0]


def test_a_start_that_fails_is_one_line_whatever_it_names(launch, tmp_path):
    """A path is a text like any other."""
    server = launch(tmp_path / FORGED.replace("\n", ""))

    assert 0 != server.process.wait(DEADLINE)
    last = server.errors.removesuffix("\n").rpartition("\n")[2]
    assert last.startswith("ml-service: bundle_missing: ")
    assert "all is well" in last
    assert last.isprintable()


def test_warnings_of_a_models_code_are_logged_at_the_debug_level_only(serve, loud):
    """A library that warns of each prediction does not fill the log: nothing of it is written at the usual level."""
    server = serve(**loud, WEB_CONCURRENCY="1")

    assert [200] * 3 == [server.predict({"instances": [[f"warn:{number}, dear caller"]]})[0] for number in range(3)]

    assert server.predict({"instances": [["raise:the last word"]]})[0] == 500
    eventually(lambda: "the last word" in server.errors, "a record of what came last")
    assert "dear caller" not in server.errors


def test_what_is_redacted_is_on_neither_stream(serve, loud):
    """An exception of the model's own code repeats the value, as do its cause, and the line of the prediction log."""
    server = serve(**loud, WEB_CONCURRENCY="1", LOG_REDACT_PATTERN=r"[\w.]+@[\w.]+")

    assert 500 == server.predict({"instances": [["raise:write to jo@example.org, please"]]})[0]

    eventually(lambda: "please" in server.errors, "a record")
    with server.connect() as connection:
        assert 404 == connection.ask("GET", "/jo@example.org")[0]
    assert "jo@example" not in server.errors + server.out.read_text()
    assert "write to [redacted], please" in server.errors
