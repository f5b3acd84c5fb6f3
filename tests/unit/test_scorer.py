"""What Ray and Spark call with batches: the answers of `score`, bad rows, and the process that scores."""

import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from mlservice import Error, Scorer
from model.loading import load
from service.scoring.columns import Kept
from service.scoring.job import PARQUET, Job
from service.scoring.run import score
from service.serving.served_model import ServedModel
from tests.conftest import ROOT
from tests.system.conftest import eventually, gone
from tests.system.test_score import CELLS, MIXED

NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
LOADED = re.compile(r"^ml-service: \S+ 1 \(\w{12}\) loaded in \S+ s by process (\d+) for process (\d+)$", re.MULTILINE)
SHORT = """
import sys, time
import pyarrow as pa
from mlservice import Scorer
scorer = Scorer(sys.argv[1])
scorer(pa.table({name: [5.1] for name in sys.argv[2:]}))
"""
LONG = f"{SHORT}time.sleep(600)"  # goes on for as long as it is let


@pytest.fixture(scope="module")
def mixed(make_once):
    return make_once("-c", MIXED)


def iris(rows=5, **columns):
    values = np.random.default_rng(0).random((rows, 4)) * 6
    return pa.table({"id": np.arange(rows) + 100, **{name: values[:, at] for at, name in enumerate(NAMES)}, **columns})


def of_kind(table, kind):
    """Return a table as Ray or Spark would hand it over."""
    return {
        "arrow": lambda: table,
        "record batch": lambda: pa.record_batch([each.combine_chunks() for each in table.columns], table.column_names),
        "pandas": table.to_pandas,
        "numpy": lambda: {name: table.column(name).to_numpy() for name in table.column_names},
    }[kind]()


def as_table(batch):
    """Return a batch of any kind as a table."""
    if isinstance(batch, dict):
        return pa.table({name: pa.array(values, from_pandas=True) for name, values in batch.items()})
    if isinstance(batch, pa.RecordBatch):
        return pa.Table.from_batches([batch])
    return batch if isinstance(batch, pa.Table) else pa.Table.from_pandas(batch, preserve_index=False)


def scored_as_file(table, bundle, folder):
    """Return what `score` writes of a table."""
    parquet.write_table(table, folder / "in.parquet")
    job = Job(str(folder / "in.parquet"), str(folder / "out.parquet"), PARQUET, PARQUET, Kept())
    score(job, ServedModel.of(load(bundle), 0.0, 10**7), lambda _: None, pytest.fail)
    return parquet.read_table(folder / "out.parquet")


@pytest.mark.parametrize("kind", ["arrow", "record batch", "pandas", "numpy"])
def test_batches_of_each_kind_are_scored_as_a_file_is(mixed, tmp_path, kind):
    """The same labels, digits and types, of numbers, strings, booleans and dates, any of which may be missing."""
    table = pa.table({"id": [7, 8, 9, 10, 11], **CELLS})
    given = of_kind(table, kind)
    found = Scorer(mixed)(given)
    expected = scored_as_file(table, mixed, tmp_path).drop(table.column_names)

    assert type(given) is type(found)
    assert expected.to_pydict() == as_table(found).select(expected.column_names).to_pydict()
    assert table.column("id").to_pylist() == as_table(found).column("id").to_pylist()


def test_rows_are_scored_in_pieces_of_the_size_that_a_file_has(iris_bundle, tmp_path):
    """A batch of any size takes no more memory than the rows that are predicted at once."""
    table = iris(25_000)

    assert scored_as_file(table, iris_bundle, tmp_path) == Scorer(iris_bundle)(table)


@pytest.mark.parametrize("kind", ["arrow", "record batch", "pandas", "numpy"])
def test_a_batch_without_rows_has_the_columns_all_the_same(iris_bundle, kind):
    """Ray and Spark read the types of a result off the first batch, which may be empty."""
    table = iris(3)
    first, empty = (as_table(Scorer(iris_bundle)(of_kind(each, kind))) for each in (table, table.slice(0, 0)))

    assert first.schema.names == empty.schema.names
    assert first.schema.types[-4:] == empty.schema.types[-4:]


@pytest.mark.parametrize("columns", ["none", ["id"], ["id", NAMES[0]]])
def test_the_columns_that_come_back_can_be_chosen(iris_bundle, columns):
    """Ids, or none, beside the predictions."""
    found = Scorer(iris_bundle, columns=columns)(iris()).column_names

    assert [*(columns if columns != "none" else []), "prediction"] == found[:-3]


def test_a_bad_row_stops_with_its_number_its_id_and_the_reason(iris_bundle):
    """In the words that `score` has for it; the error is the same in another process."""
    frame = iris().to_pandas().astype({NAMES[1]: object})
    frame.loc[2, NAMES[1]] = "wide"
    with pytest.raises(Error) as raised:
        Scorer(iris_bundle, columns=["id"])(frame)
    again = pickle.loads(pickle.dumps(raised.value))

    said = f"bad_row: row 3 of the 5 of its batch, id 102: expected a number for {NAMES[1]!r}, got the string 'wide'"
    assert str(raised.value).startswith(f"{said} (invalid_value); ")
    assert (str(raised.value), "bad_row") == (str(again), again.code)


@pytest.mark.parametrize("kind", ["arrow", "record batch", "pandas", "numpy"])
def test_bad_rows_may_be_kept_with_code_and_reason(iris_bundle, kind):
    """They have no predictions; those of the other rows, and the types, are as if there were no bad row."""
    table = iris()
    bad = table.set_column(1, NAMES[0], pa.array([1.0, None, 3.0, None, 5.0]))
    good = table.set_column(1, NAMES[0], pa.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    keep = Scorer(iris_bundle, columns="none", bad_rows="keep")
    found, whole = (as_table(keep(of_kind(each, kind))) for each in (bad, good))
    reason = f"expected a number for {NAMES[0]!r}, got null"

    assert [None, "invalid_value", None, "invalid_value", None] == found.column("code").to_pylist()
    assert [None, reason, None, reason, None] == found.column("reason").to_pylist()
    assert [True, False, True, False, True] == found.column("prediction").is_valid().to_pylist()
    assert whole.take([0, 2, 4]).to_pydict() == found.take([0, 2, 4]).to_pydict()
    assert whole.schema.types[:4] == found.schema.types[:4]


@pytest.mark.parametrize(
    "cells",
    [
        np.array([1.5, "x", None, True, np.inf], dtype=object),
        [Decimal("1.50"), Decimal(2), Decimal(3), None, Decimal("4.25")],
        [None] * 5,
        pd.Categorical([1.5, 2.5, 1.5, None, 2.5]),
    ],
    ids=["several types", "decimals", "all missing", "categories"],
)
def test_columns_that_arrow_or_numpy_hold_in_other_ways_are_read(iris_bundle, cells):
    """Each number is taken, whatever holds it, and each other cell is refused by itself."""
    frame = iris().to_pandas()
    frame[NAMES[2]] = cells
    found = Scorer(iris_bundle, bad_rows="keep")(frame)

    good = [isinstance(cell, (float, Decimal)) and cell == cell and cell != np.inf for cell in cells]  # noqa: PLR0124
    assert good == found["prediction"].notna().tolist()
    assert good == found["code"].isna().tolist()


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        (["id", *NAMES[:3]], {}, f"bad_columns: the model needs {NAMES[3]!r}, which the input does not have"),
        (NAMES, {"columns": ["id"]}, "bad_columns: there is no column 'id' for the id"),
        ([*NAMES, "prediction"], {}, "bad_columns: the rows have a column 'prediction', which is the name of one that"),
        (NAMES, {"outputs": ["score"]}, r"bad_columns: expected outputs of the model \(predictions, probabilities"),
    ],
)
def test_what_cannot_be_scored_at_all_says_why(iris_bundle, columns, options, said):
    """Columns that lack, or whose names are taken; outputs that the model does not have."""
    table = iris(prediction=np.arange(5)).select(columns)

    with pytest.raises(Error, match=said.replace("(cm)", r"\(cm\)")):
        Scorer(iris_bundle, **options)(table)


def test_a_column_of_a_type_that_no_model_takes_is_named(iris_bundle):
    """With its type; columns that the model does not take may be of any."""
    vectors = pa.array([[1.0, 2.0]] * 5)
    table = iris(vector=vectors)
    with pytest.raises(
        Error, match=r"bad_columns: column 'petal width \(cm\)' is of type list<.*double>; the model takes"
    ):
        Scorer(iris_bundle)(table.set_column(4, NAMES[3], vectors))

    assert vectors == Scorer(iris_bundle)(table).column("vector").combine_chunks()


@pytest.mark.parametrize(("name", "value"), [("columns", "id"), ("bad_rows", "drop")])
def test_options_that_do_not_exist_are_refused_at_once(name, value):
    """Where the object is made, and not on a worker an hour later."""
    with pytest.raises(ValueError, match=f"{name}='{value}': expected "):
        Scorer("bundle", **{name: value})


def test_the_object_travels_without_the_model(iris_bundle):
    """What is sent to other processes is a path and options, also after it has scored here."""
    scorer = Scorer(iris_bundle, columns=["id"])
    expected = scorer(iris())
    sent = pickle.dumps(scorer)

    assert len(sent) < 1000
    assert expected == pickle.loads(sent)(iris())


def test_a_process_loads_a_model_once(iris_bundle, tmp_path, capfd):
    """However many objects score with it; one that was replaced meanwhile is loaded anew."""
    bundle = Path(shutil.copytree(iris_bundle, tmp_path / "bundle"))
    for _ in range(3):
        Scorer(bundle)(iris())
    once = LOADED.findall(capfd.readouterr().err)
    before = Scorer(bundle)
    manifest = (bundle / "manifest.json").read_text()
    (bundle / "manifest.json").write_text(manifest + " ")
    with pytest.raises(Error, match=r"digest_mismatch: the bundle .* the one that the Scorer was made with"):
        before(iris())
    Scorer(bundle)(iris())

    assert [str(os.getpid())] == [parent for _, parent in once]
    assert 1 == len(LOADED.findall(capfd.readouterr().err))


def test_a_process_that_is_killed_is_replaced(iris_bundle, tmp_path, capfd):
    """For instance for lack of memory; the batch is scored by another one."""
    scorer = Scorer(Path(shutil.copytree(iris_bundle, tmp_path / "bundle")))
    expected = scorer(iris())
    ((pid, _),) = LOADED.findall(capfd.readouterr().err)
    os.kill(int(pid), signal.SIGKILL)

    assert expected == scorer(iris())
    assert 1 == len(LOADED.findall(capfd.readouterr().err))


def test_it_ends_with_the_process_that_it_scores_for(iris_bundle, tmp_path):
    """However that ends."""
    log = tmp_path / "log"
    with log.open("wb") as err:
        command = [sys.executable, "-c", LONG, str(iris_bundle), *NAMES]
        process = subprocess.Popen(command, cwd=ROOT, stderr=err)
    pid = int(eventually(lambda: LOADED.search(log.read_text()), "the model").group(1))
    process.kill()
    process.wait()

    eventually(lambda: gone(pid), "the end")


def test_a_program_that_has_scored_ends_without_a_word(iris_bundle):
    """What scored for it has ended by then, and nothing is left open."""
    command = [sys.executable, "-X", "dev", "-c", SHORT, str(iris_bundle), *NAMES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert LOADED.fullmatch(done.stderr.strip()), done.stderr
    assert gone(int(LOADED.search(done.stderr).group(1)))


def test_a_bundle_that_is_not_there_is_named_with_its_machine():
    """Nothing is loaded where the object is made; the worker that lacks the bundle says so."""
    with pytest.raises(Error, match=r"bundle_missing: there is no bundle 'nowhere' on \S+, in /"):
        Scorer("nowhere")(iris())
    with pytest.raises(Error, match="there is no bundle 'sent'"):
        Scorer(lambda: "sent")(iris())
