"""JSON documents of tensors, whose long lists of numbers become arrays at once."""

import os
import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service import jsontext
from service.errors import InvalidJson
from service.jsonnumbers import SHORTEST, NumberParser

_DATA: Final = re.compile(rb'"data"[ \t\r\n]*:[ \t\r\n]*\[')


class TensorReader:
    """Reads documents as the Open Inference Protocol has them."""

    def __init__(self) -> None:
        self._parser = NumberParser()

    def read(self, body: bytes) -> Any:
        """Return a document where each long flat list of numbers that is `data` of floating point `inputs` is an array.

        The common reader reads what is around them, with a text that nobody can know in the place of each; where one
        is not found again, it reads all. Raises InvalidJson.
        """
        arrays: dict[str, NDArray[np.float64]] = {}
        try:
            document = jsontext.loads(self._without(body, arrays)) if len(body) >= SHORTEST else None
        except InvalidJson:
            document = None  # the next says where
        inputs = document.get("inputs") if isinstance(document, dict) else None
        for each in inputs if isinstance(inputs, list) else ():
            if isinstance(each, dict) and str(each.get("datatype")).startswith("FP"):
                mark = each.get("data")
                if isinstance(mark, str) and mark in arrays:
                    each["data"] = arrays.pop(mark)
        return jsontext.loads(body) if document is None or arrays else document

    def _without(self, body: bytes, arrays: dict[str, NDArray[np.float64]]) -> bytes:
        """Return a body with a mark in the place of each array, which are put in by their marks."""
        pieces: list[bytes] = []
        kept = end = 0
        while (found := _DATA.search(body, end)) and (end := body.find(b"]", found.end()) + 1):
            start = found.end() - 1
            numbers = self._parser.numbers(body[start:end]) if end - start >= SHORTEST else None
            if numbers is not None:
                mark = os.urandom(16).hex()
                arrays[mark] = numbers
                pieces += body[kept:start], f'"{mark}"'.encode()
                kept = end
        return b"".join([*pieces, body[kept:]])
