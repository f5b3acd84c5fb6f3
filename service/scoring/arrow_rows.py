"""Scores batches of columns; each is an Arrow stream, as in the body of a request, and so is its result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.prediction import Rows
from service.errors import InvalidBody
from service.formats import arrow, arrow_writer
from service.scoring.batches import Scored, score_records
from service.scoring.scorer import Scorer
from service.scoring.stopped import Stopped
from service.validation.columns import Column


@dataclass(frozen=True)
class ArrowRows:
    """Reads and predicts batches, without pyarrow."""

    scorer: Scorer

    def score(self, content: bytes, line: int) -> Scored:
        """Score the rows of an Arrow stream, the first of which has this number."""
        try:
            columns = arrow.columns_of(content, self.scorer.for_batch().contract.tables)
        except InvalidBody as error:  # a type that cannot be read is not the fault of a row
            raise Stopped("bad_columns", str(error)) from None
        return self.score_columns(columns, line)

    def score_columns(self, columns: Mapping[str, Column], line: int) -> Scored:
        """Score columns, each an array or a list of cells as in JSON; the first row has this number."""
        scorer = self.scorer.for_batch()
        tables = scorer.contract.tables
        count = len(next(iter(columns.values())))

        def read(positions: NDArray[np.intp]) -> Rows:
            whole = len(positions) == count
            return tables.read(columns if whole else {name: _at(each, positions) for name, each in columns.items()})

        numbers = range(line, line + count)
        return score_records(scorer, numbers, (), read, lambda _, found: arrow_writer.write(scorer.columns(found)))


def _at(column: Column, positions: Sequence[int] | NDArray[np.intp]) -> Column:
    return column[positions] if isinstance(column, np.ndarray) else [column[at] for at in positions]
