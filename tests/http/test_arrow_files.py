"""Arrow files: read by their footer, whatever is before their first message; footers that lie are refused."""

import io
import struct
from base64 import b64decode
from zlib import decompress

import pyarrow as pa
import pytest

from tests.amplification import FILE as KIND
from tests.arrowlies import FILE, as_file, batch, laid, schema, stream
from tests.arrowlies import Field as Column
from tests.badinput import NAMES, ROW

# pl.DataFrame({"a": [1.5, 2.5, -2.0], "s": ["x", "a string of more than twelve bytes", None], "b": [True, False, True],
# "d": ["2021-06-05", "2020-01-01", None]}), s as a categorical and d as a date, by write_ipc of polars 2.1: it has the
# schema as a bare FlatBuffer behind the magic, where a stream would have its size.
POLARS = (
    "eNrtVb1KA0EQnsud4dBDYkxxisUiFpZRGyGFCUFCQFCCqIUQE4w/4B8m/nV5AB/AwtpnsPRpLMRKRETE85vdiVwOg8FYujA3u7PzfbszO7uXK5"
    "UWV6eIHCJ6CoIgRdy38O2nAXLxdWgMdoeMD0+tQaVl/P4RBGPQCYjL0/xBe4Nd3GkTMgEOP+wXN37rsLNPFXKP/hX0JWQHsgFhjOUnaRSr+TQC"
    "rAeOlObl9Z+BUdCe5vVgczV/OpPOnMxMZ0jWLC8tlPO55fnCYqmYzy1Mk7RX4A3W1YwvwkcUh8Whdx27yUgd8ogxx65ae7OZPwmPBA1pDs/ED7"
    "8YOOKCrch6MAcJy+yduZqWsZu820APaz6O5AHztuCuJQ4+lxTmOAsudW6+6KxoWYaaoj3RdxHcXcS/1WmNs1Y7nuQc7AiPHeH5aV5OY04Ysx22"
    "17HZ1HuzesD29bh2r/svF4lWCr/Hc13eUqguKVyXsba6jN6Ze13rpvFdnxQc0SDq0NQqyZ21uoxZRep3PHJOsW/O7jw0Zv+Kqje6jZ99j3cPtt"
    "Xhlto/PK6pxk7lQDXOanunNVW9aNTqP+ePQvnjN3L2K398X5LIgqPfKN7rkSTCF9202mNxnfYL0DqP/7f4L97iG6ic/vN9Ang9vps="
)
ROWS = [
    [1.5, "x", True, "2021-06-05"],
    [2.5, "a string of more than twelve bytes", False, "2020-01-01"],
    [-2.0, None, True, None],
]


def ask(server, body):
    return server.client.post("/predict", data=body, content_type=KIND)


def test_a_file_that_polars_wrote_is_read(serve, victim_bundles):
    """Its rows have the answers of the same rows in JSON."""
    server = serve(victim_bundles["mixed"])
    expected = server.predict({"instances": ROWS})

    answer = ask(server, decompress(b64decode("".join(POLARS))))

    assert (200, expected.data) == (answer.status_code, answer.data)


@pytest.mark.parametrize("deltas", [False, True])
def test_a_file_that_pyarrow_wrote_is_read(serve, victim_bundles, deltas):
    """All its batches, and dictionaries before them."""
    server = serve(victim_bundles["mixed"])
    expected = server.predict({"instances": ROWS * 2})
    columns = [pa.array(column) for column in zip(*ROWS, strict=True)]
    table = pa.table({**dict(zip("asbd", columns, strict=True)), "s": columns[1].dictionary_encode()})
    body = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)
    with pa.ipc.new_file(body, table.schema, options=options) as writer:
        writer.write_table(table)
        writer.write_table(table, max_chunksize=2)

    answer = ask(server, body.getvalue())

    assert (200, expected.data) == (answer.status_code, answer.data)


def numbers(rows):
    """Return a stream of batches of one row each."""
    places, body = laid(*(struct.pack("<d", cell) for cell in rows[0]))
    buffers = [each for place in places for each in ((0, 0), place)]
    one = batch(1, [(1, 0)] * len(NAMES), buffers, body)
    return stream(schema(*map(Column, NAMES)), *[one] * len(rows))


WHOLE = as_file(numbers([ROW] * 2))
FIRST = len(FILE) + len(schema(*map(Column, NAMES)))  # where the first batch is
FOOTERS = {
    "cut off": WHOLE[:-1],
    "no footer": FILE + numbers([ROW]),
    "magic alone": FILE,
    "magic twice": FILE + FILE[:6],
    "larger than the file": WHOLE[:-10] + struct.pack("<I", len(WHOLE)) + WHOLE[-6:],
    "huge": WHOLE[:-10] + struct.pack("<I", 2**32 - 1) + WHOLE[-6:],
    "empty": WHOLE[:-10] + struct.pack("<I", 0) + WHOLE[-6:],
    "zeros": FILE + bytes(64) + struct.pack("<I", 64) + FILE[:6],
    "a batch twice": as_file(numbers([ROW]), places=[FIRST] * 2),
    "a batch within another": as_file(numbers([ROW]), places=[FIRST, FIRST + 8]),
    "a batch before the file": as_file(numbers([ROW]), places=[-8]),
    "a batch behind the file": as_file(numbers([ROW]), places=[2**40]),
    "a batch in the magic": as_file(numbers([ROW]), places=[0]),
    "the schema as a batch": as_file(numbers([ROW]), places=[8]),
    "too many batches": as_file(numbers([ROW]), places=[FIRST] * 5000),
}


def test_the_place_of_the_first_batch_is_known(server):
    """What the next test puts into footers is where a batch is, and a footer that says so is read."""
    answer = ask(server, as_file(numbers([ROW]), places=[FIRST]))

    assert (200, server.predict({"instances": [ROW]}).data) == (answer.status_code, answer.data)


@pytest.mark.parametrize("name", FOOTERS)
def test_a_footer_that_lies_is_refused(server, name):
    """Batches beyond the file, in each other or too many of them, and whatever is not a footer, are no file."""
    answer = ask(server, FOOTERS[name])

    assert (400, "invalid_body") == (answer.status_code, answer.json["code"])


def test_a_file_is_read_up_to_the_most_rows(serve):
    """Rows of all batches count."""
    server = serve(MAX_ROWS="1")

    assert (422, "too_many_rows") == (ask(server, WHOLE).status_code, ask(server, WHOLE).json["code"])
