"""JSON documents of tensors, whose long lists of numbers become arrays at once."""

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
    """Reads documents as the Open Inference Protocol has them, with at most `most` tensors."""

    def __init__(self, documents: DocumentReader, most: int) -> None:
        self._documents, self._most = documents, most
        self._parser = NumberParser()

    def read(self, body: bytes) -> Any:
        """Return a document where each long flat list of numbers that is `data` of floating point `inputs` is an array.

        The common reader reads what is around them, with a text that nobody can know in the place of each; where one
        is not found again, it reads all. Raises InvalidJson and InvalidRows.
        """
        document = self._read_around(body) if len(body) >= SHORTEST else None
        return self._documents.read(body) if document is None else document

    def _read_around(self, body: bytes) -> Any:
        arrays: dict[str, NDArray[np.float64]] = {}
        try:
            document = self._documents.read(self._without(body, arrays))
        except InvalidJson:
            return None  # whoever reads all of it says where
        inputs = document.get("inputs") if isinstance(document, dict) else None
        for each in inputs if isinstance(inputs, list) else ():
            if not isinstance(each, dict):
                continue
            kind, mark = each.get("datatype"), each.get("data")
            if isinstance(kind, str) and kind.startswith("FP") and isinstance(mark, str) and mark in arrays:
                each["data"] = arrays.pop(mark)
        return None if arrays else document

    def _without(self, body: bytes, arrays: dict[str, NDArray[np.float64]]) -> bytes:
        """Return a body with a mark in the place of each array, which are put in by their marks."""
        pieces: list[bytes] = []
        kept = end = 0
        for _ in range(self._most):
            found = _DATA.search(body, end)
            if found is None or not (end := body.find(b"]", found.end()) + 1):
                break
            start = found.end() - 1
            numbers = self._parser.parse(body[start:end]) if end - start >= SHORTEST else None
            if numbers is not None:
                mark = secrets.token_hex(16)
                arrays[mark] = numbers
                pieces += body[kept:start], f'"{mark}"'.encode()
                kept = end
        return b"".join([*pieces, body[kept:]])
