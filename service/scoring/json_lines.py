"""Scores blocks of JSON Lines: each line is an object of features by name, or a list of them in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.prediction import Prediction, Rows
from service.errors import InvalidRows, Problem
from service.formats import duplicate_names, strict_json
from service.scoring.batches import Scored, score_records
from service.scoring.columns import Kept
from service.scoring.scorer import Scorer


@dataclass(frozen=True)
class JsonLines:
    """How lines are scored, and which of their members are written; a list is written as the member `features`."""

    scorer: Scorer
    kept: Kept

    def score(self, content: bytes, line: int) -> Scored:
        """Score whole lines, the first of which has this number."""
        scorer = self.scorer.for_batch()
        found = [(line + at, each.strip()) for at, each in enumerate(content.split(b"\n"))]
        numbers, lines = [at for at, each in found if each], [each for _, each in found if each]

        def write(good: NDArray[np.intp], prediction: Prediction) -> bytes:
            members = scorer.members(prediction)
            rows = zip(*members.values(), strict=True)
            added = (strict_json.dumps(dict(zip(members, row, strict=True))) for row in rows)
            return b"".join(map(_joined, self._passed_on([lines[at] for at in good]), added))

        return score_records(scorer, numbers, lines, _Reader(self.kept, scorer, lines).read, write)

    def _passed_on(self, lines: Sequence[bytes]) -> Iterator[bytes]:
        """Yield the members of each line that are written, as an object."""
        for line in lines:
            if self.kept.every:
                yield line if line.startswith(b"{") else b'{"features":' + line + b"}"
            else:
                row = strict_json.loads(line) if self.kept.names else {}
                yield strict_json.dumps({name: row[name] for name in self.kept.names})


class _Reader:
    """Reads some lines of a block as the rows of a request."""

    def __init__(self, kept: Kept, scorer: Scorer, content: Sequence[bytes]) -> None:
        contract = scorer.contract
        self._rows, self._beside = contract.rows, contract.beside
        self._kept, self._content = kept, content
        self._model, self._added = set(contract.signature.names), set(scorer.names)

    def read(self, positions: NDArray[np.intp]) -> Rows:
        """Read the lines at these positions; raises InvalidJson and InvalidRows."""
        chosen = [self._content[at] for at in positions]
        rows = list(map(strict_json.loads, chosen))
        duplicate_names.refuse(b"[%b]" % b",".join(chosen), duplicate_names.count(rows))
        return self._rows.read([self._narrowed(row, at) for at, row in enumerate(rows)], "")

    def _narrowed(self, row: Any, at: int) -> Any:
        """Return a row with the model's columns only; raises InvalidRows if its id is missing."""
        if type(row) is not dict:
            if self._kept.names:
                raise _refused(at, f"an object with {self._kept.names[0]!r}, the id", "a row without names")
            return [row] if len(self._model) == 1 and not isinstance(row, list) else row
        self._check(row, at)
        if row.keys() == self._model:
            return row
        if self._beside is not None:
            return self._beside.rows([{name: row[name] for name in row if name not in self._kept.names}])[0]
        return {name: value for name, value in row.items() if name in self._model}

    def _check(self, row: Mapping[str, Any], at: int) -> None:
        for name in self._kept.names:
            if name not in row:
                raise _refused(at, f"a member {name!r}, the id", "none")
        written = row.keys() if self._kept.every else self._kept.names
        if not self._added.isdisjoint(written):
            raise _refused(at, f"no member with the name of a prediction ({', '.join(self._added)})", "one")


def _refused(at: int, expected: str, got: str) -> InvalidRows:
    return InvalidRows((Problem("invalid_row", f"/{at}", expected, got),))


def _joined(given: bytes, added: bytes) -> bytes:
    """Return two objects joined to one, as a line."""
    start = given[:-1].rstrip()
    return start + (b"" if start == b"{" else b",") + added[1:] + b"\n"
