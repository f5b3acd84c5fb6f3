"""JSON documents of tensors: long lists of numbers become arrays, and the ordinary reader reads everything else."""

import json

import numpy as np
import pytest

from service.errors import InvalidJson
from service.formats import strict_json
from service.formats.json_documents import DocumentReader

READER = DocumentReader(4, 1000)


def plain(value):
    """Return a document with lists for arrays."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


LONG = "[" + ", ".join(["1.5", "-2e3", "7"] * 400) + "]"


@pytest.mark.parametrize("gap", ["", " ", "\n\t"])
@pytest.mark.parametrize("kind", ["FP64", "FP32"])
def test_long_data_of_tensors_are_arrays(gap, kind):
    """The rest of the document is as it was."""
    pytest.importorskip("simdjson", reason="no wheels for Python 3.14: tests/http/test_without_simdjson.py")
    tensors = ",".join(f'{{"name":"{name}","datatype":"{kind}","data"{gap}:{gap}{LONG}}}' for name in "ab")
    text = f'{{"id":"\\ud83d\\ude00","inputs":[{tensors},{{"data":[1],"datatype":"FP64"}}]}}'

    found = READER.read_tensors(text.encode())

    assert [np.ndarray, np.ndarray, list] == [type(each["data"]) for each in found["inputs"]]
    assert json.loads(text) == plain(found)


@pytest.mark.parametrize(
    "text",
    [
        '{"inputs":[{"datatype":"INT64","data":LONG}]}',
        '{"inputs":[{"data":LONG}]}',
        '{"inputs":[{"datatype":"FP64","parameters":{"data":LONG},"data":[]}]}',
        '{"inputs":[{"datatype":"FP64","x\\"data":LONG}]}',
        '{"inputs":[{"datatype":"FP64","data":LONG,"data":LONG}]}',
        '{"inputs":{"datatype":"FP64","data":LONG}}',
        '{"data":LONG}',
        '[{"data":LONG}]',
        '{"inputs":[{"datatype":"FP64","data":[LONG,LONG]}]}',
        '{"inputs":["data",LONG]}',
        '{"inputs":["\\"data\\":LONG"]}',
    ],
)
def test_other_long_lists_are_read_by_the_ordinary_reader(text):
    """A list that is not the data of a float tensor stays a list."""
    body = text.replace("LONG", LONG)
    assert json.loads(body) == READER.read_tensors(body.encode())


def outcome(read, body):
    """Return the document, or the message of what is wrong with it."""
    try:
        return plain(read(body))
    except InvalidJson as error:
        return str(error)


def test_a_malformed_document_is_refused_as_by_the_ordinary_reader():
    """Truncated anywhere, or with any byte around the numbers replaced, it has the same message with the position."""
    text = f'{{"inputs":[{{"datatype":"FP64","data":{LONG}}}]}}'.encode()
    around = [*range(50), *range(len(text) - 5, len(text))]
    bodies = [text[:end] for end in around[1:]]
    bodies += [text[:at] + other + text[at + 1 :] for at in around for other in (b"]", b'"', b",", b"x", b"\xff")]
    for body in bodies:
        assert outcome(strict_json.loads, body) == outcome(READER.read_tensors, body)
