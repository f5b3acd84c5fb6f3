"""CSV lines of nothing but numbers: `plain_numbers` reads what the ordinary reader does, or leaves the lines to it."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.validation.plain_numbers import SHORTEST, MatrixReader

pytest.importorskip("simdjson", reason="no wheels for Python 3.14: tests/http/test_without_simdjson.py")

MOST = 4 * SHORTEST
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**63), 2**64 - 1).map(str),
    st.sampled_from(["0", "-0.0", "1E5", "1e-400", "4.9e-324", "1.7976931348623157e308", "9007199254740993"]),
)


def ordinary(text):
    """Read each cell as the ordinary reader does."""
    return np.array([[float(cell) for cell in line] for line in csv.reader(io.StringIO(text, newline=""))])


@given(st.integers(1, 4), st.data())
def test_numbers_are_bit_equal_to_those_of_the_ordinary_reader(width, data):
    """Both readers round a number to the nearest float64, in whatever form it and the line ends are written."""
    lines = [",".join(data.draw(NUMBERS) for _ in range(width)) for _ in range(3)]
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    text = end.join(lines * SHORTEST) + data.draw(st.sampled_from(["", end]))

    found = MatrixReader(width).from_csv(text.encode(), MOST)

    expected = ordinary(text)
    assert expected.shape == found.shape
    assert expected.tobytes() == found.tobytes()


@pytest.mark.parametrize(
    "line",
    [
        "1",
        "1,-0",  # a negative zero, which would be 0 in JSON
        "1,2,3",
        "",
        "1,",
        ",",
        "1,x",
        "1,nan",
        "1,NaN",
        "1,inf",
        "1,1e999",
        '1,"2"',
        "1, 2",
        "1,.5",
        "1,5.",
        "1,+1",
        "1,01",
        "1,-",
        "1,1e",
        "1,1-1",
        "1,[2]",
        "1;2",
        "\r1,2",
        "1,2\n",
        "1,null",
        "1,true",
        "\ufeff1,2",
        "1,2#",
        "1,123456789012345678901234567890",
        "1,2\x00",
        "1,0x1",
        "1,1_0",
    ],
)
def test_a_line_of_anything_else_is_left_to_the_ordinary_reader(line):
    """A line with another value or width is not read, at the beginning or near the end, and no error is raised."""
    others = ["1,2"] * SHORTEST
    for lines in ([line, *others, "1,2"], [*others, line, "1,2"]):
        assert MatrixReader(2).from_csv("\n".join(lines).encode(), MOST) is None


def test_more_lines_than_a_request_may_have_are_not_read():
    """The ordinary reader stops early and reports them."""
    assert MatrixReader(2).from_csv(b"1,2\n" * SHORTEST, SHORTEST) is not None
    assert MatrixReader(2).from_csv(b"1,2\n" * (SHORTEST + 1), SHORTEST) is None


def test_short_bodies_are_left_to_the_ordinary_reader():
    """It is as fast with them."""
    assert MatrixReader(2).from_csv(b"1,2\n3,4\n", MOST) is None
