"""JSON bodies of nothing but numbers: `plain_numbers` reads what the ordinary reader does, or leaves the body to it."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.formats import strict_json
from service.validation.plain_numbers import SHORTEST, MatrixReader

pytest.importorskip("simdjson", reason="no wheels for Python 3.14: tests/http/test_without_simdjson.py")

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**63), 2**64 - 1).map(str),
    st.sampled_from(["0", "-0", "-0.0", "1E5", "1e-400", "4.9e-324", "1.7976931348623157e308", "9007199254740993"]),
)
SPACE = " " * SHORTEST  # in front, so that short bodies are read too


@given(st.integers(1, 4), st.integers(1, 5), st.data())
def test_numbers_are_bit_equal_to_those_of_the_ordinary_reader(width, height, data):
    """Both readers round a number to the nearest float64, in whatever form it is written."""
    rows = [[data.draw(NUMBERS) for _ in range(width)] for _ in range(height)]
    gap = data.draw(st.sampled_from(["", " ", "\n\t", "\r\n"]))
    text = f",{gap}".join(f"[{f'{gap},'.join(row)}{gap}]" for row in rows)
    body = f'{SPACE}{{"instances":{gap}[{text}]}}'.encode()

    found = MatrixReader(width).from_json(body, "instances")

    expected = np.array([[float(number) for number in row] for row in strict_json.loads(body)["instances"]])
    assert found is not None
    assert (height, width) == found.shape
    assert expected.tobytes() == found.tobytes()


@pytest.mark.parametrize(
    "text",
    [
        '{"instances":[[1,2],[3]]}',
        '{"instances":[[1,2,3],[4]]}',
        '{"instances":[[1,2],3]}',
        '{"instances":[[[1,2]]]}',
        '{"instances":[]}',
        '{"instances":[[]]}',
        '{"instances":[[,]]}',
        '{"instances":[[1,]]}',
        '{"instances":[[1,null]]}',
        '{"instances":[[1,true]]}',
        '{"instances":[[1,"2"]]}',
        '{"instances":[[1,NaN]]}',
        '{"instances":[[1,1e999]]}',
        '{"instances":[[1,123456789012345678901234567890]]}',
        '{"instances":[[1,01]]}',
        '{"instances":[[1,+1]]}',
        '{"instances":[[1,.5]]}',
        '{"instances":[[1,2 3]]}',
        '{"instances":[[1,2],]}',
        '{"instances":[[1,2]]}}',
        '{"instances":[[1,2]]} {}',
        '{"instances":[[1,2]],"instances":[[1,2]]}',
        '{"instancs":[[1,2]]}',
        '{"inst1ances":[[1,2]]}',
        '{"features":[[1,2]]}',
        '{"instances":{"a":[1,2]}}',
        "[[1,2]]",
        "\ufeff" + '{"instances":[[1,2]]}',
        '{"instances":[[1,2]]\x00}',
        '{"instances":[[1\x0b,2]]}',
    ],
)
def test_a_body_of_anything_else_is_left_to_the_ordinary_reader(text):
    """A body with another value, shape or member is not read, and no error is raised."""
    assert MatrixReader(2).from_json((SPACE + text).encode(), "instances") is None


def test_what_the_ordinary_reader_refuses_is_not_read():
    """A body that is truncated, or has one byte replaced by one that numbers may have, is JSON or is not read."""
    whole = json.dumps({"instances": [[1.5, -2e3], [30, 0.25]]}).encode()
    cut = [whole[:end] for end in range(len(whole))]
    changed = [
        whole[:place] + other + whole[place + 1 :]
        for place in range(len(whole))
        for other in (b"+", b".", b"e", b" ", b"-")
    ]
    reader = MatrixReader(2)
    for body in cut + changed:
        found = reader.from_json(SPACE.encode() + body, "instances")
        assert found is None or found.tolist() == json.loads(body)["instances"]
