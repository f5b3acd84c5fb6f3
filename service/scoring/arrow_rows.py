"""Scores batches of columns: each is the body of a request in Arrow, and so is each answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.prediction import Rows
from service.errors import InvalidBody
from service.formats import arrow, arrow_writer
from service.scoring.batches import BadRow, Scored, bad_lines
from service.scoring.scorer import Scorer, sift
from service.scoring.stopped import Stopped
from service.validation.columns import Column


@dataclass(frozen=True)
class ArrowRows:
    """Reads and predicts batches, in a process that needs no pyarrow."""

    scorer: Scorer

    def score(self, content: bytes, line: int) -> Scored:
        """Score the rows of a request's body, of which the first has this number."""
        try:
            columns = arrow.columns_of(content, self.scorer.for_batch().contract.tables)
        except InvalidBody as error:  # no row is to blame for a type that is not read
            raise Stopped("bad_columns", str(error)) from None
        return self.score_columns(columns, line)

    def score_columns(self, columns: Mapping[str, Column], line: int) -> Scored:
        """Score rows that stand in columns already, arrays or lists of cells as JSON has them."""
        scorer = self.scorer.for_batch()
        tables = scorer.contract.tables
        count = len(next(iter(columns.values())))

        def read(positions: NDArray[np.intp]) -> Rows:
            whole = len(positions) == count
            return tables.read(columns if whole else {name: _at(each, positions) for name, each in columns.items()})

        _, prediction, refused = sift(scorer, count, read)
        bad = bad_lines([BadRow(line + at, why.code, why.reason, "") for at, why in sorted(refused.items())])
        if prediction is None:
            return Scored(b"", 0, bad, len(refused))
        answer = arrow_writer.write(scorer.columns(prediction))
        return Scored(answer, len(prediction.labels), bad, len(refused))


def _at(column: Column, positions: Sequence[int] | NDArray[np.intp]) -> Column:
    return column[positions] if isinstance(column, np.ndarray) else [column[at] for at in positions]
