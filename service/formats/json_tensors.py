"""Reads JSON documents of tensors, whose long lists of numbers become arrays without a Python object for each."""

import re
import secrets
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidJson
from service.formats.json_documents import DocumentReader
from service.validation.plain_numbers import SHORTEST, NumberParser

_DATA: Final = re.compile(rb'"data"[ \t\r\n]*+:[ \t\r\n]*+\[')


class TensorReader:
    """Reads documents of the Open Inference Protocol with at most `max_tensors` tensors."""

    def __init__(self, documents: DocumentReader, max_tensors: int) -> None:
        self._documents, self._max_tensors = documents, max_tensors
        self._parser = NumberParser()

    def read(self, body: bytes) -> Any:
        """Return a document in which each long flat list of numbers that is `data` of a float input is an array.

        Such lists are cut out, each is replaced by a random string, and the ordinary reader reads the rest. Where a
        string is not found again as the `data` of a float input, the ordinary reader reads the whole body instead.
        Raises InvalidJson and InvalidRows.
        """
        document = self._read_around(body) if len(body) >= SHORTEST else None
        return self._documents.read(body) if document is None else document

    def _read_around(self, body: bytes) -> Any:
        arrays: dict[str, NDArray[np.float64]] = {}
        try:
            document = self._documents.read(self._without(body, arrays))
        except InvalidJson:
            return None  # reading the whole body will say where
        inputs = document.get("inputs") if isinstance(document, dict) else None
        for each in inputs if isinstance(inputs, list) else ():
            if not isinstance(each, dict):
                continue
            datatype, mark = each.get("datatype"), each.get("data")
            if isinstance(datatype, str) and datatype.startswith("FP") and isinstance(mark, str) and mark in arrays:
                each["data"] = arrays.pop(mark)
        return None if arrays else document

    def _without(self, body: bytes, arrays: dict[str, NDArray[np.float64]]) -> bytes:
        """Return the body with a mark in place of each list of numbers; adds their arrays to `arrays` by mark."""
        pieces: list[bytes] = []
        kept = end = 0
        for _ in range(self._max_tensors):
            match = _DATA.search(body, end)
            if match is None or not (end := body.find(b"]", match.end()) + 1):
                break
            start = match.end() - 1
            numbers = self._parser.parse(body[start:end]) if end - start >= SHORTEST else None
            if numbers is not None:
                mark = secrets.token_hex(16)
                arrays[mark] = numbers
                pieces += body[kept:start], f'"{mark}"'.encode()
                kept = end
        return b"".join([*pieces, body[kept:]])
