"""Arrow bodies that stand for much work or memory: name → the model asked, the body, and the error or rows to get."""

import struct

import numpy as np

from tests.arrowlies import DAYS, TEXT, TRUTH, VIEWS, WHOLE, Field, batch, dictionary, laid, schema, stream
from tests.badinput import NAMES
from tests.victims import MIXED, MOST_ROWS, WIDE

LONG = b"abcdefgh " * 700
IRIS = [Field(name) for name in NAMES]
CODED = [Field(name, dictionary=place) for place, name in enumerate(NAMES)]
TEXTS = [Field("text", TEXT, 7, WHOLE[8])]
OTHERS = [Field(MIXED[0]), Field(MIXED[1], TEXT, 7, WHOLE[8]), Field(MIXED[2], WHOLE[8])]
EMPTY = [(0, 0)] * 2
ONE_ROW = laid(*[b"", bytes(8)] * 4)
FIRST_PLACES = laid(b"", bytes(MOST_ROWS))


def one_batch(fields, height, *buffers, missing=0, further=()):
    return stream(schema(*fields), batch(height, [(height, missing)] * len(fields), *laid(*buffers), further))


def text_dictionary(*texts, **options):
    ends = np.cumsum([0, *map(len, texts)], dtype="<i4").tobytes()
    return dictionary(7, len(texts), [(len(texts), 0)], *laid(b"", ends, b"".join(texts)), **options)


def repeated(text, count):
    return stream(schema(*TEXTS), text_dictionary(text), batch(count, [(count, 0)], *laid(b"", bytes(count))))


def viewed(views, *texts):
    content = b"".join(struct.pack("<i4sii", length, b"abcd", number, start) for length, number, start in views)
    return one_batch([Field("text", VIEWS)], len(views), b"", content, *texts, further=(len(texts),))


def empty_texts(count, batches=1, pieces=0):
    ends = bytes(4 * count + 4)
    whole = dictionary(7, count, [(count, 0)], *laid(b"", ends, b""))
    rows = [batch(1, [(1, 0)], *laid(b"", bytes(1)))] * batches
    return stream(schema(*TEXTS), whole, *[text_dictionary(b"", more=True)] * pieces, *rows)


def grown_numbers(count, pieces):
    first = dictionary(0, count, [(count, 0)], *laid(b"", bytes(8 * count)))
    more = dictionary(0, 1, [(1, 0)], *laid(b"", bytes(8)), more=True)
    return stream(schema(*CODED), first, *[more] * pieces)


def dates(count):
    fields = [*OTHERS, Field(MIXED[3], DAYS, 3, WHOLE[8])]
    return stream(schema(*fields), dictionary(3, count, [(count, 0)], *laid(b"", bytes(4 * count))))


def one_buffer(count):
    """Let all columns be the same bytes."""
    buffers = [(0, 0), (0, 8 * count)] * len(WIDE)
    return stream(schema(*map(Field, WIDE)), batch(count, [(count, 0)] * len(WIDE), buffers, bytes(8 * count)))


def batches(names, count):
    one = batch(1, [(1, 0)] * len(names), *laid(*[b"", bytes(8)] * len(names)))
    return stream(schema(*map(Field, names)), *[one] * count)


ARROW = {
    "a dictionary of 10¹⁰ rows": (
        "iris",
        lambda: stream(schema(*CODED), dictionary(0, 10**10, [(10**10, 0)], EMPTY)),
        "invalid_body",
    ),
    "a dictionary of 2⁶² rows": (
        "iris",
        lambda: stream(schema(*CODED), dictionary(0, 2**62, [(2**62, 0)], EMPTY)),
        "invalid_body",
    ),
    "10⁹ texts": (
        "text",
        lambda: stream(schema(*TEXTS), dictionary(7, 10**9, [(10**9, 0)], [(0, 0)] * 3)),
        "invalid_body",
    ),
    "10⁹ texts, one missing": (
        "text",
        lambda: stream(schema(*TEXTS), dictionary(7, 10**9, [(10**9, 1)], [(0, 0)] * 3)),
        "invalid_body",
    ),
    "2⁶² rows": (
        "iris",
        lambda: stream(schema(*IRIS), batch(2**62, [(2**62, 0)] * 4, EMPTY * 4)),
        "too_many_rows",
    ),
    "10,000 rows of nothing": (
        "iris",
        lambda: stream(schema(*IRIS), batch(MOST_ROWS, [(MOST_ROWS, 0)] * 4, EMPTY * 4)),
        "invalid_body",
    ),
    "rows, then as many fewer": (
        "iris",
        lambda: stream(schema(*IRIS), batch(1, [(1, 0)] * 4, *ONE_ROW), batch(-1, [(-1, 0)] * 4, *ONE_ROW)),
        "no_rows",
    ),
    "8 rows a byte": (
        "mixed",
        lambda: one_batch([Field(name, TRUTH) for name in MIXED], 8_000_000, *[b"", bytes(10**6)] * 4),
        "too_many_rows",
    ),
    "500 columns in one buffer": ("wide", lambda: one_buffer(MOST_ROWS), "invalid_body"),
    "100 batches of a row of 500": ("wide", lambda: batches(WIDE, 100), 100),
    "4,000 batches of a row": ("iris", lambda: batches(NAMES, 4000), 4000),
    "4,000 empty batches": ("iris", lambda: stream(schema(*IRIS), *[batch(0, [], [])] * 4000), "no_rows"),
    "5,000 batches of a row": ("iris", lambda: batches(NAMES, 5000), "invalid_body"),
    "one field 100,000 times": ("iris", lambda: stream(schema(IRIS[0], shared=99_999)), "duplicate_name"),
    "20,000 fields": ("iris", lambda: stream(schema(*(Field(f"q{i}") for i in range(20_000)))), "unknown_feature"),
    "a million buffers": (
        "iris",
        lambda: stream(schema(*IRIS), batch(1, [(1, 0)] * 4, [(0, 0)] * 10**6, bytes(8))),
        "invalid_body",
    ),
    "a long text in 10,000 cells": ("text", lambda: repeated(LONG, MOST_ROWS), "invalid_body"),
    "a short text in 10,000 cells": ("text", lambda: repeated(b"cats and dogs", MOST_ROWS), MOST_ROWS),
    "views of one long text": ("text", lambda: viewed([(len(LONG), 0, 0)] * MOST_ROWS, LONG), "invalid_body"),
    "views that overlap": (
        "text",
        lambda: viewed([(6000 - i, 0, i) for i in range(5000)], "€".encode() + b"a" * 6000 + "😀".encode()),
        "invalid_body",
    ),
    "200,000 empty texts, looked up 1,000 times": ("text", lambda: empty_texts(200_000, batches=1000), 1000),
    "200,000 empty texts and 1,000 more, one by one": ("text", lambda: empty_texts(200_000, pieces=1000), 1),
    "200,000 numbers and 1,000 more, one by one": ("iris", lambda: grown_numbers(200_000, 1000), "invalid_body"),
    "a dictionary of 500,000 dates": ("mixed", lambda: dates(500_000), "no_rows"),
}
