"""Measures: every server on every model, in rounds, so that what drifts drifts for all."""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks import load, servers
from benchmarks.contestants import OURS, ROOT, Contestant
from benchmarks.models import Fitted
from benchmarks.results import CELLS, Cell, Measurement, Results, Start, Weight

# Another way to sum the same trees rounds the last bits otherwise.
TOLERANCE = 1e-6
WEIGHED_WORKERS = 2


@dataclass(frozen=True)
class Bench:
    """What is measured, for how long, and where the results go."""

    contestants: Sequence[Contestant]
    models: Sequence[Fitted]
    plan: load.Plan
    results: Results

    def compare(self, turn: int) -> None:
        """Measure each server on each model once; one that fails is told of and left out from then on."""
        for fitted in self.models:
            for contestant in self.contestants:
                if contestant.name not in self.results.failures and not (contestant.floor and not _light(fitted)):
                    self._try(contestant, fitted, turn)

    def weigh(self) -> None:
        """Take each server's memory with two workers, after load, on the first model."""
        fitted = self.models[0]
        for contestant in self.contestants:
            if contestant.name in self.results.failures or contestant.floor:
                continue
            say(f"memory: {contestant.name}")
            try:
                prepare(contestant, fitted)
                with servers.serving(contestant, fitted.folder, fitted.singles()[0], WEIGHED_WORKERS) as server:
                    load.run(server.port, self._bodies(contestant, fitted, CELLS[0]), 16, self.plan)
                    weight = Weight(contestant.name, WEIGHED_WORKERS, servers.proportional_bytes())
            except (servers.ServerFailedError, OSError) as error:
                if contestant.name == OURS:
                    raise
                say(f"  {error}")
                self.results.unweighed[contestant.name] = str(error)
            else:
                self.results.weights.append(weight)

    def _try(self, contestant: Contestant, fitted: Fitted, turn: int) -> None:
        say(f"round {turn + 1}: {fitted.case.title}: {contestant.name}")
        try:
            prepare(contestant, fitted)
            with servers.serving(contestant, fitted.folder, fitted.singles()[0]) as server:
                check(contestant, fitted, server)
                if _light(fitted):
                    self.results.starts.append(Start(contestant.name, server.seconds))
                for cell in CELLS:
                    if not (contestant.floor and cell.many):
                        sample = load.run(
                            server.port, self._bodies(contestant, fitted, cell), cell.connections, self.plan
                        )
                        self._keep(contestant, fitted, turn, cell, sample)
        except (servers.ServerFailedError, OSError) as error:
            if contestant.name == OURS:
                raise
            say(f"  {error}")
            self.results.failures[contestant.name] = f"{fitted.case.title}: {error}"

    def _keep(self, contestant: Contestant, fitted: Fitted, turn: int, cell: Cell, sample: load.Sample) -> None:
        found = Measurement(turn, fitted.case.key, contestant.name, cell.key, **asdict(sample))
        say(f"  {cell.title}: {found.rate:.0f}/s, p50 {found.p50:.2f} ms, p99 {found.p99:.2f} ms")
        self.results.measurements.append(found)

    def _bodies(self, contestant: Contestant, fitted: Fitted, cell: Cell) -> load.Bodies:
        dialect = contestant.dialect
        folder = fitted.folder / "bodies" / contestant.name.replace(" ", "-") / cell.key
        if cell.many:
            return load.write_json(folder, dialect.many_path, [dialect.many(each) for each in fitted.batches()])
        return load.write_json(folder, dialect.one_path, [dialect.one(each) for each in fitted.singles()])


def _light(fitted: Fitted) -> bool:
    """Floors compute nothing: one model's rows are enough; and starts are compared on the same one."""
    return fitted.case.key == "logistic"


def prepare(contestant: Contestant, fitted: Fitted) -> None:
    """Check that the server's environment is there, and run its own script on the model once; raises OSError."""
    if contestant.environment is None:
        return
    python = ROOT / ".venv-peers" / contestant.environment / "bin/python"
    if not (ROOT / f".venv-peers/{contestant.environment}.stamp").exists():
        raise servers.ServerFailedError("could not be installed")
    done = fitted.folder / f"{contestant.environment}.prepared"
    if contestant.prepare and not done.exists():
        script = ROOT / "benchmarks/peers" / contestant.environment / contestant.prepare
        ran = subprocess.run([python, script], cwd=fitted.folder, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise servers.ServerFailedError(f"the model could not be prepared: {ran.stderr[-300:]}")
        done.touch()


def check(contestant: Contestant, fitted: Fitted, server: servers.Running) -> None:
    """Compare a server's answers, one by one and many at once, with scikit-learn's; raises ServerFailedError."""
    if contestant.floor:
        return
    dialect = contestant.dialect
    answers = [dialect.first(server.ask(dialect.one_path, dialect.one(row))) for row in fitted.singles()[:20]]
    labels = [dialect.labels(answer)[0] for answer in answers]
    _same("labels of single rows", labels, fitted.labels[:20])
    answer = server.ask(dialect.many_path, dialect.many(fitted.rows.tolist()))
    _same("labels", dialect.labels(answer), fitted.labels)
    if dialect.probabilities is not None:
        _same("probabilities", dialect.probabilities(answer), fitted.probabilities)


def _same(what: str, found: Any, expected: Any) -> None:
    given = np.asarray(found)
    if given.shape != expected.shape or not np.allclose(given, expected, rtol=0, atol=TOLERANCE):
        raise servers.ServerFailedError(f"answers other {what} than scikit-learn")


def say(line: str) -> None:
    """Tell whoever waits what is being done."""
    print(line, file=sys.stderr, flush=True)


def named(contestants: Iterable[Contestant], environments: Sequence[str]) -> list[Contestant]:
    """Return ours, the floors, and those of the environments."""
    return [each for each in contestants if each.environment is None or each.environment in environments]
