"""Cutting a text into blocks of whole records."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scoring.blocks import MOST_RECORD, Cutter, line_ends, record_ends
from service.scoring.stopped import Stopped

TEXTS = st.text(st.sampled_from('ab,"\n'), max_size=60)


def rows(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def records(text):
    ends = record_ends(text.encode()).tolist()
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def cutter(text, ends=record_ends, most=1000, size=16, piece=7):
    stream = io.BytesIO(text)
    return Cutter(lambda size: stream.read(min(size, piece)), ends, most, size)


@given(TEXTS)
def test_records_are_those_of_the_csv_module(text):
    """Each record alone has the rows that it has in the whole, wherever quotes and line feeds stand."""
    assert rows(text) == [row for record in records(text) for row in rows(record)]


@given(TEXTS)
def test_a_record_ends_at_each_line_feed_that_is_not_quoted(text):
    """No record holds two rows."""
    assert all(len(rows(record)) <= 1 for record in records(text))


@given(TEXTS, st.integers(1, 5), st.integers(4, 20), st.integers(1, 30))
def test_blocks_are_the_text_whatever_the_pieces_it_comes_in(text, most, size, piece):
    """Nothing is lost, each block but the last ends with a record, and line numbers are those of the text."""
    blocks = list(cutter(text.encode(), most=most, size=size, piece=piece).blocks(1, 0))

    assert text.encode() == b"".join(block.content for block in blocks)
    for block in blocks:
        before = text.encode()[: block.end - len(block.content)]
        assert 1 + before.count(b"\n") == block.line
        assert len(record_ends(block.content)) <= most


@given(TEXTS, st.integers(1, 5), st.integers(0, 10))
def test_a_run_that_goes_on_cuts_the_same_blocks(text, most, start):
    """Where a block ends depends only on where it starts, so that a resumed run gives the same output."""
    content = text.encode()
    blocks = list(cutter(content, most=most).blocks(1, 0))
    for block in blocks[start : start + 1]:
        rest = cutter(content[block.end :], most=most, piece=100).blocks(block.line + block.lines, block.end)
        assert blocks[start + 1 :] == list(rest)


def test_a_quote_that_is_never_closed_is_found_with_its_line():
    """Memory is bounded: a record may have 16 MiB."""
    text = b"a,b\n1,2\n" + b'"' + b"x\n" * (MOST_RECORD // 2)
    with pytest.raises(Stopped, match="line 3 does not end within 16 MiB"):
        list(cutter(text, piece=2**20, size=2**20).blocks(1, 0))


def test_lines_of_json_end_at_line_feeds():
    """JSON escapes line feeds, so quotes do not matter."""
    assert [6, 9] == line_ends(b'{"a"}\n{}\n{').tolist()
