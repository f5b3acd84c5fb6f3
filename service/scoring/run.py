"""Runs a job: batches out to the processes, results in order to the output, and a checkpoint now and then."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from model.loading import verify
from service.scoring import arrow_files
from service.scoring.arrow_rows import ArrowRows
from service.scoring.batches import Scored, bad_rows_of, doing, order, read_framed
from service.scoring.columns import check_columns
from service.scoring.ends import Ends, interruptible, open_ends
from service.scoring.job import STANDARD, TEXT, Job, Progress, Report, Summary
from service.scoring.outputs import PartialFile
from service.scoring.pool import Pool
from service.scoring.scorer import Scorer
from service.scoring.stopped import Stopped
from service.scoring.text_files import open_text
from service.serving.model_swap import freeze_heap
from service.serving.served_model import ServedModel

Context = TypeVar("Context")


def score(job: Job, served: ServedModel, report: Report, warn: Callable[[str], None]) -> Summary:
    """Score a file; raises Stopped and OSError, and then keeps what another run can resume.

    `report` is told how far the run is, `warn` of processes that died.
    """
    start = time.monotonic()
    with interruptible():
        scorer = Scorer.of(served, job.outputs)
        ends = open_ends(job, served)
        resumed = ends.position.rows
        run = _Run(job, served, scorer, ends, report, warn)
        try:
            run.text() if job.source_format in TEXT else run.columns()
        except (Stopped, OSError) as error:
            raise ends.failed(error, job) from None
    return Summary(ends.position.rows, ends.position.bad_rows, resumed, time.monotonic() - start)


@dataclass(frozen=True)
class _Run:
    job: Job
    served: ServedModel
    scorer: Scorer
    ends: Ends
    report: Report
    warn: Callable[[str], None]

    def text(self) -> None:
        """Score a text file: the result of a block is the lines that are written."""
        ends, size = self.ends, None if self.job.source == STANDARD else Path(self.job.source).stat().st_size
        with open_text(self.job, self.scorer, ends.position.read) as file:
            ends.begin(file.head, file.start, file.line)
            blocks = file.cutter.blocks(ends.position.line, ends.position.read)
            batches = ((block, block.content, block.line) for block in blocks)
            for block, scored in self._worked_on(batches, file.score):
                after = block.end, block.line + block.lines, scored.rows, scored.bad_rows
                ends.add(scored.content, scored.bad, ends.position.after(*after))
                self.report(Progress(ends.position.rows, file.consumed(), size))
        ends.finish()

    def columns(self) -> None:
        """Score a file of columns: write what an earlier run has predicted, then predict the rest."""
        job, ends, scorer = self.job, self.ends, self.scorer
        with arrow_files.open_arrow(job.source, job.source_format, scorer.most_rows) as file:
            check_columns(file.schema.names, scorer, job.kept)
            ends.begin(b"", 0, 1)
            output = arrow_files.TableOutput(job, file, scorer)
            try:
                if isinstance(ends.out, PartialFile):
                    for scored in read_framed(ends.out.descriptor, ends.position.read):
                        output.add(next(file.batches), scored)
                names = [name for name in file.schema.names if name in set(scorer.contract.tables.names)]
                batches = arrow_files.as_requests(file.batches, names, ends.position.line)
                for batch, scored in self._worked_on(batches, ArrowRows(scorer).score):
                    at, bad = ends.position, output.add(batch, scored)
                    after = at.after(at.read + 1, at.line + batch.num_rows, scored.rows, scored.bad_rows)
                    ends.add(scored.framed(), bad, after)
                    self.report(Progress(ends.position.rows, output.rows, file.rows))
                output.finish()
            except BaseException:
                output.abandon()
                raise
        ends.finish()

    def _worked_on(
        self, batches: Iterable[tuple[Context, bytes, int]], score: Callable[[bytes, int], Scored]
    ) -> Iterator[tuple[Context, Scored]]:
        """Yield each batch's context and its result; raises Stopped for a bad row if there is no file for these.

        A batch is its context, its content, and the number of its first line or row.
        """
        freeze_heap()
        files = self.ends.descriptors

        def ready() -> None:
            for each in files:  # their locks are the parent's
                os.close(each)
            verify(self.served.loaded)

        orders = ((context, order(content, line)) for context, content, line in batches)
        with closing(Pool(doing(score), self.job.processes, ready, self.warn)) as pool:
            for context, packed in pool.work_on(orders):
                scored = Scored.unpack(packed)
                if scored.bad_rows and self.job.bad_rows is None:
                    bad = bad_rows_of(scored.bad)[0]
                    message = f"{self.job.source}, line {bad.line}: {bad.reason} ({bad.code})"
                    raise Stopped("bad_row", f"{message}; --bad-rows FILE collects such rows, and the run goes on.")
                yield context, scored
