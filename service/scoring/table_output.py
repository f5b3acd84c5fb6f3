"""Writes a file of columns: those of the input, and the predictions."""

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from service.scoring import arrow_files
from service.scoring.batches import Scored, bad_lines, bad_rows_of
from service.scoring.job import Job
from service.scoring.outputs import PartialFile, Stream, open_output
from service.scoring.scorer import Scorer


@dataclass
class TableOutput:
    """The output, which is always written from its beginning; `rows` were read so far."""

    writer: Any
    file: Any
    end: PartialFile | Stream
    kept: list[str]
    rows: int = 0

    @classmethod
    def of(cls, job: Job, source: arrow_files.ArrowInput, scorer: Scorer) -> "TableOutput":
        """Open the output; raises Stopped."""
        end = open_output(job.target)
        if isinstance(end, PartialFile):
            end.cut(0)
        kept = list(source.schema.names) if job.kept.every else list(job.kept.names)
        schema = arrow_files.schema_with(source.schema, kept, scorer.outputs, every=job.kept.every)
        file = open(end.descriptor, "wb", closefd=False)  # noqa: SIM115  # a descriptor has no path
        return cls(arrow_files.Writer(file, job.target_format, schema, source.compression), file, end, kept)

    def add(self, batch: Any, scored: Scored) -> bytes:
        """Write a batch; return the rows that were refused as lines, with all of their columns."""
        first, self.rows = self.rows + 1, self.rows + batch.num_rows
        bad = bad_rows_of(scored.bad)
        if scored.rows:
            refused = {each.line - first for each in bad}
            good = [at for at in range(batch.num_rows) if at not in refused] if bad else None
            self.writer.write(batch, self.kept, good, arrow_files.columns_of(scored.content))
        rows = [batch.slice(each.line - first, 1).to_pylist()[0] for each in bad]
        return bad_lines(replace(each, row=json.dumps(row, default=str)) for each, row in zip(bad, rows, strict=True))

    def finish(self) -> None:
        """Write the end of the file, and give it its name."""
        self.writer.close()
        self.file.close()
        self.end.finish()

    def abandon(self) -> None:
        """Close the unfinished output, and remove it: the next run writes it again from its beginning."""
        with suppress(OSError):
            self.writer.close()
        with suppress(OSError):
            self.file.close()
        if isinstance(self.end, PartialFile):
            self.end.remove()
