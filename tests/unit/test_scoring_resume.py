"""Going on where an interrupted run stopped, in each format."""

import gzip
import json

import pyarrow
import pytest
from pyarrow import parquet

from model.loading import load
from service.scoring.columns import Kept
from service.scoring.job import Job, format_of
from service.scoring.run import score
from service.scoring.stopped import Stopped
from service.serving.served_model import ServedModel

NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
ROWS, MORE = 1200, 2500  # more where a batch is larger than a block of text
NOTE = "x" * 4000  # so that few rows are several blocks
BAD = {200, 1000}


def table(count):
    """Return some rows, of which two are bad."""
    numbers = [[5.1 + row % 7, 3.5, 1.4 if row not in BAD else None, 0.2, f"{row}-{NOTE}"] for row in range(count)]
    return [dict(zip([*NAMES, "note"], row, strict=True)) for row in numbers]


def write_csv(path, count=ROWS):
    rows = [",".join("" if each is None else str(each) for each in row.values()) for row in table(count)]
    path.write_text("\n".join([",".join([*NAMES, "note"]), *rows, ""]))


def write_gzip(path, count):
    write_csv(path, count)
    path.write_bytes(gzip.compress(path.read_bytes(), 1))


def write_zstd(path, count):
    write_csv(path, count)
    path.write_bytes(pyarrow.Codec("zstd").compress(path.read_bytes(), asbytes=True))


def write_json_lines(path, count):
    path.write_text("".join(f"{json.dumps(row)}\n" for row in table(count)))


def write_parquet(path, count):
    parquet.write_table(pyarrow.Table.from_pylist(table(count)), path, row_group_size=700)


def write_arrow(path, count):
    found = pyarrow.Table.from_pylist(table(count))
    with pyarrow.ipc.new_stream(str(path), found.schema) as file:
        file.write_table(found, max_chunksize=700)


WRITERS = {
    "in.csv": write_csv,
    "in.csv.gz": write_gzip,
    "in.csv.zst": write_zstd,
    "in.jsonl": write_json_lines,
    "in.parquet": write_parquet,
    "in.arrows": write_arrow,
}


@pytest.fixture
def served(iris_bundle):
    return ServedModel.of(load(iris_bundle), 0.0, 10**7)


def job(folder, source, target, **options):
    formats = format_of(source, None), format_of(target, None)
    options |= {"bad_rows": folder / f"{target}.bad"}
    return Job(str(folder / source), str(folder / target), *formats, Kept(), **options)


def stop_after(batches):
    """Return what is told of the progress, and ends the run after some batches."""
    left = iter(range(batches))

    def report(_):
        if next(left, None) is None:
            raise Stopped("interrupted", "by the test.")

    return report


@pytest.mark.parametrize("source", WRITERS)
def test_a_run_that_goes_on_writes_the_same_file(served, tmp_path, source):
    """However often it is interrupted; so is the file of bad rows, and nothing else is left behind."""
    count = MORE if source in ("in.parquet", "in.arrows") else ROWS
    WRITERS[source](tmp_path / source, count)
    target, whole = source.replace("in.", "out."), source.replace("in.", "whole.")
    score(job(tmp_path, source, whole), served, lambda _: None, pytest.fail)
    for _ in range(2):
        with pytest.raises(Stopped, match="rows are kept: the same command goes on from there"):
            score(job(tmp_path, source, target), served, stop_after(0), pytest.fail)
    found = score(job(tmp_path, source, target), served, lambda _: None, pytest.fail)

    assert (count - len(BAD), len(BAD)) == (found.rows, found.bad_rows)
    assert 0 < found.resumed < found.rows
    assert (tmp_path / whole).read_bytes() == (tmp_path / target).read_bytes()
    assert (tmp_path / f"{whole}.bad").read_bytes() == (tmp_path / f"{target}.bad").read_bytes()
    assert {source, target, f"{target}.bad", whole, f"{whole}.bad"} == {path.name for path in tmp_path.iterdir()}


def test_another_input_is_not_gone_on_with(served, tmp_path):
    """Unless the run starts over."""
    write_csv(tmp_path / "in.csv")
    with pytest.raises(Stopped):
        score(job(tmp_path, "in.csv", "out.csv"), served, stop_after(0), pytest.fail)
    write_csv(tmp_path / "in.csv")
    with pytest.raises(Stopped, match="of a run with another input; start over with --fresh"):
        score(job(tmp_path, "in.csv", "out.csv"), served, lambda _: None, pytest.fail)

    assert 0 == score(job(tmp_path, "in.csv", "out.csv", fresh=True), served, lambda _: None, pytest.fail).resumed


def test_what_was_written_after_the_checkpoint_is_cut_off(served, tmp_path):
    """As a killed process leaves it."""
    write_csv(tmp_path / "in.csv")
    score(job(tmp_path, "in.csv", "whole.csv"), served, lambda _: None, pytest.fail)
    with pytest.raises(Stopped):
        score(job(tmp_path, "in.csv", "out.csv"), served, stop_after(2), pytest.fail)
    for name in ("out.csv.partial", "out.csv.bad.partial"):
        with (tmp_path / name).open("ab") as file:
            file.write(b"half a li")
    score(job(tmp_path, "in.csv", "out.csv"), served, lambda _: None, pytest.fail)

    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "out.csv").read_bytes()


def test_two_runs_do_not_write_one_output(served, tmp_path):
    """The second is refused, and the first goes on."""
    write_csv(tmp_path / "in.csv")
    said = []

    def start_another(_):
        if not said:
            said.append("")
            with pytest.raises(Stopped) as error:
                score(job(tmp_path, "in.csv", "out.csv"), served, lambda _: None, pytest.fail)
            said.append(str(error.value))

    score(job(tmp_path, "in.csv", "out.csv"), served, start_another, pytest.fail)

    assert said[1].endswith("out.csv.partial is being written by another run.")
    assert (tmp_path / "out.csv").exists()
