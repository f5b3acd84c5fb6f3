"""The small parts: codes, the duplicate check and slots."""

import ast
import json

import pytest

from model.errors import NoFiniteAnswer
from service import errors
from service.errors import TABLE, InvalidJson, InvalidRows, Problem, ServiceError, describe
from service.formats import duplicate_names, strict_json
from tests.conftest import ROOT


def codes_in(path):
    """Yield each literal that a module makes an error or a problem of the rows with, as the code."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("ServiceError", "TryLater", "Problem"):
            yield from (first.value for first in node.args[:1] if isinstance(first, ast.Constant))


def test_each_code_in_the_source_has_its_row_in_the_table():
    """A misspelt code would only be found when the error is raised."""
    found = {code for path in (ROOT / "service").rglob("*.py") for code in codes_in(path)}

    assert {"not_found", "draining", "duplicate_name"} <= found <= TABLE.keys()


def test_an_error_of_another_code_cannot_be_made():
    """There is no status for it."""
    with pytest.raises(KeyError):
        ServiceError("no_such_code", "words")


@pytest.mark.parametrize("code", TABLE)
def test_each_code_is_described(code):
    """By the status and the title of its row."""
    status, title = TABLE[code]

    failure = describe(InvalidRows((Problem(code, "/x", "y", "z"),)))

    assert (status, code, title) == (failure.status, failure.code, failure.title)


def test_what_is_not_ours_is_told_as_nothing_but_internal():
    """No text of a foreign exception reaches a caller."""
    failure = describe(KeyError("secret"))

    assert (500, "internal_error") == (failure.status, failure.code)
    assert "secret" not in failure.message
    assert "secret" not in describe(NoFiniteAnswer("secret")).message


@pytest.mark.parametrize(
    "body",
    [b'{"a": 1, "a": 1}', b'{"a": {"b": 1, "b": 2}}', b'[{"x:": 1, "x:": 2}]', b'{"a": 1, "\\u0061": 2}'],
)
def test_a_name_that_stands_twice_is_found(body):
    """At any depth, with colons in names, and however it is spelt."""
    with pytest.raises(InvalidRows):
        duplicate_names.refuse(body, 1)


@pytest.mark.parametrize("body", [b'{"a": "1:2"}', b'{"a:b": 1, "c": ":"}', b'[{"a": 1}, {"a": 2}]'])
def test_a_colon_in_a_string_is_no_duplicate(body):
    """Names are told from strings before any is looked for."""
    assert json.loads(body) == duplicate_names.read(body, json.loads)


def test_a_deep_value_hidden_by_a_second_member_is_refused():
    """The reader kept the shallow one; the closer look must not fall over the deep one."""
    with pytest.raises(InvalidRows) as caught:
        duplicate_names.refuse(b'{"features": ' + b"[" * 1000 + b"]" * 1000 + b', "features": [1]}', 1)

    assert "duplicate_name" == caught.value.code


def test_error_codes_are_words_for_scripts():
    """Lower case and underscores, forever."""
    assert all(code.replace("_", "").isalpha() and code.islower() for code in (errors.OK, *TABLE))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x1f\x8b\x08\x00", "Content-Encoding: gzip"),
        (b'{"features":[1,NaN]}', "a missing value is null"),
        (b'{"features":[1,-Infinity]}', "a missing value is null"),
    ],
)
def test_the_usual_ways_not_to_be_json_are_told_what_to_do(content, words):
    """Beside where the reader stopped."""
    with pytest.raises(InvalidJson, match=words):
        strict_json.loads(content)
