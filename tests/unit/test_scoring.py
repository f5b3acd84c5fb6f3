"""Scoring a file: what is read, what is written, what becomes of bad rows."""

import csv
import gzip
import io
import itertools
import json
import re
from pathlib import Path

import pytest

from model.loading import load
from service.scoring.columns import Kept
from service.scoring.job import Job, format_of
from service.scoring.outputs import PartialFile
from service.scoring.run import score
from service.scoring.stopped import Stopped
from service.serving.served_model import ServedModel
from service.validation.column_policy import ColumnPolicy
from tests.conftest import ROOT

NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
HEAD = ",".join(NAMES)
ADDED = "prediction,probability_0,probability_1,probability_2"
ROW = "5.1,3.5,1.4,0.2"


class Scoring:
    """A model, a folder, and what the last run said."""

    def __init__(self, served, folder):
        self.served, self.folder, self.summary = served, folder, None

    def __call__(self, content, *, source="in.csv", target="out.csv", kept=None, **options):
        """Score a text; return what was written, as text."""
        into = self.folder / target
        (self.folder / source).write_bytes(content if isinstance(content, bytes) else content.encode())
        formats = format_of(source, None), format_of(target, None)
        job = Job(str(self.folder / source), str(into), *formats, kept or Kept(), **options)
        self.summary = score(job, self.served, lambda _: None, pytest.fail)
        return into.read_bytes().decode()


@pytest.fixture
def scoring(iris_bundle, tmp_path):
    return Scoring(ServedModel.of(load(iris_bundle), 0.0, 10**7), tmp_path)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_predictions_are_added_to_the_columns_of_the_input(scoring):
    """All that the input has stays as it is, spelling of numbers and order of columns included."""
    lines = scoring(f"id,{HEAD},note\nb,5.10,3.5,1.40,2e-1,x\na,6.2,2.9,4.3,1.3,\n").splitlines()

    assert f"id,{HEAD},note,{ADDED}" == lines[0]
    assert lines[1].startswith("b,5.10,3.5,1.40,2e-1,x,0,0.9")
    assert lines[2].startswith("a,6.2,2.9,4.3,1.3,,1,0.0")


def test_columns_may_stand_in_any_order(scoring):
    """They are found by their names, as a request's are."""
    usual = rows_of(scoring(f"{HEAD}\n{ROW}\n"))[0]
    turned = rows_of(scoring(f"{','.join(reversed(NAMES))}\n0.2,1.4,3.5,5.1\n"))[0]

    assert {name: usual[name] for name in ADDED.split(",")} == {name: turned[name] for name in ADDED.split(",")}


@pytest.mark.parametrize(
    ("kept", "first", "second"),
    [
        (Kept(False, ("id",)), f"id,{ADDED}", "b,0,"),
        (Kept(False, ("note", "id")), f"note,id,{ADDED}", '"x, y",b,0,'),
        (Kept(False), ADDED, "0,0.9"),
    ],
)
def test_the_columns_that_are_kept_can_be_chosen(scoring, kept, first, second):
    """Ids, or none, beside the predictions; cells that need quotes have them."""
    lines = scoring(f'id,{HEAD},note\nb,{ROW},"x, y"\n', kept=kept).splitlines()

    assert first == lines[0]
    assert lines[1].startswith(second)


def test_line_ends_and_a_byte_order_mark_stay(scoring):
    """A file that Windows wrote is written as Windows writes; blank lines are left out, as a request's are."""
    written = scoring(f"\ufeff{HEAD}\r\n\r\n{ROW}\r\n{ROW}")

    assert written.startswith(f"\ufeff{HEAD},{ADDED}\r\n{ROW},0,")
    assert 3 == written.count("\r\n") == written.count("\n")


def test_quoted_cells_may_contain_line_feeds(scoring):
    """They do not end a row, and line numbers count them."""
    note = '"two\nlines, and ""quotes"""'
    found = scoring(f"note,{HEAD}\n{note},{ROW}\nx,bad,3.5,1.4,0.2\n", bad_rows=scoring.folder / "bad.csv")

    assert f"{note},{ROW},0," in found
    assert "4" == rows_of((scoring.folder / "bad.csv").read_text())[0]["line"]


def test_rows_without_a_header_line_are_in_the_order_of_the_features(scoring):
    """Then the output has no header line either."""
    assert scoring(f"{ROW}\n").startswith(f"{ROW},0,")


def test_a_bad_row_ends_the_run_with_its_line_and_reason(scoring):
    """What was to be done is in the same line."""
    with pytest.raises(Stopped, match=r"in.csv, line 3: expected a number for 'sepal length \(cm\)'") as error:
        scoring(f"{HEAD}\n{ROW}\nx,3.5,1.4,0.2\n")

    assert "bad_row" == error.value.code
    assert not (scoring.folder / "out.csv").exists()


def test_bad_rows_go_to_a_file_of_their_own(scoring):
    """With line number, code, reason, and the row as it was given; the others are scored in order."""
    lines = [ROW, "x,3.5,1.4,0.2", ROW, "1,2,3", '5.1,"3.5"x,1.4,0.2', "5.1,,1.4,0.2", ROW]
    written = scoring("\n".join([HEAD, *lines, ""]), bad_rows=scoring.folder / "bad.csv")
    bad = rows_of((scoring.folder / "bad.csv").read_text())

    assert 4 == len(written.splitlines())
    assert ["3", "5", "6", "7"] == [each["line"] for each in bad]
    assert lines[1:2] + lines[3:6] == [each["row"] for each in bad]
    assert ["invalid_value", "wrong_feature_count", "invalid_body", "invalid_value"] == [each["code"] for each in bad]
    assert "expected a number for 'sepal width (cm)', got null" == bad[3]["reason"]
    assert (3, 4) == (scoring.summary.rows, scoring.summary.bad_rows)


@pytest.mark.parametrize(("name", "what"), [("in.csv", "input"), ("out.csv", "output")])
def test_bad_rows_take_the_place_of_no_other_file(scoring, name, what):
    """The input stays as it is, and no output is written."""
    with pytest.raises(Stopped, match=rf"{name} is the {what}, too; name another file for bad rows") as raised:
        scoring(f"{HEAD}\n{ROW}\nx,3.5,1.4,0.2\n", bad_rows=scoring.folder / name)

    assert "bad_output" == raised.value.code
    assert f"{HEAD}\n{ROW}\nx,3.5,1.4,0.2\n" == (scoring.folder / "in.csv").read_text()
    assert ["in.csv"] == [path.name for path in scoring.folder.iterdir()]


def test_a_file_of_nothing_but_bad_rows_is_scored_too(scoring):
    """The output has its header line."""
    assert f"{HEAD},{ADDED}\n" == scoring(f"{HEAD}\n" + "x,1,1,1\n" * 500, bad_rows=scoring.folder / "bad.csv")
    assert 500 == scoring.summary.bad_rows


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        (f"\n{HEAD}\n{ROW}\n", "begins with a blank line; expected a header line or a row"),
        (f" \r\n{ROW}\n", "begins with a blank line; expected a header line or a row"),
        (f"{','.join(NAMES[:3])}\n1,2,3\n", r"the model needs 'petal width \(cm\)'"),
        (f"{HEAD},{NAMES[0]}\n{ROW},1\n", "is there twice"),
        (f"{HEAD},prediction\n{ROW},1\n", "'prediction', which is the name of a prediction"),
        (
            HEAD.replace(",", ";") + "\n5;3;1;0\n",
            "neither the names .* nor a row: .*4 values between commas, got 1, which holds ';'",
        ),
        ("a,b\n1,2\n", "neither the names .*4 values between commas, got 2"),
        ("a,b,c,d\n1,2,3,4\n", "neither the names .* nor a row: .*got the string 'a'"),
    ],
)
def test_a_header_line_that_does_not_fit_is_one_line_at_once(scoring, content, said):
    """Nothing is scored, and nothing is left behind."""
    with pytest.raises(Stopped, match=said):
        scoring(content)

    assert ["in.csv"] == [path.name for path in scoring.folder.iterdir()]


def test_an_id_that_is_not_there_is_said(scoring):
    """So is which columns there are."""
    with pytest.raises(Stopped, match="no column 'order' for the id; there are 'sepal"):
        scoring(f"{HEAD}\n{ROW}\n", kept=Kept(False, ("order",)))


def test_outputs_are_chosen_as_in_a_request(scoring):
    """Others than labels and probabilities are computed only for those who name them."""
    head = scoring(f"{HEAD}\n{ROW}\n", kept=Kept(False), outputs=("decision_function", "predictions")).splitlines()[0]

    assert "decision_function_0,decision_function_1,decision_function_2,prediction" == head
    with pytest.raises(Stopped, match="expected outputs of the model"):
        scoring(f"{HEAD}\n{ROW}\n", outputs=("certainty",))


def test_json_lines_keep_their_members_as_they_are(scoring):
    """Objects get the predictions as members, at the end; lists become the member `features`."""
    named = json.dumps(dict(zip(NAMES, [5.1, 3.5, 1.4, 0.2], strict=True)))
    text = f'{{"id" : 7, {named[1:]}\n\n[5.1,3.5,1.4,0.20]\n'
    lines = scoring(text, source="in.jsonl", target="out.jsonl").splitlines()
    first, second = map(json.loads, lines)

    assert lines[0].startswith(f'{{"id" : 7, {named[1:-1]},"prediction":0,"probability_0":0.9')
    assert lines[1].startswith('{"features":[5.1,3.5,1.4,0.20],"prediction":0,')
    assert [first[name] for name in ADDED.split(",")] == [second[name] for name in ADDED.split(",")]


def test_bad_lines_of_json_are_found_one_by_one(scoring):
    """A line is never completed by the next one; each is reported as it was given."""
    good = json.dumps(dict(zip(NAMES, [5.1, 3.5, 1.4, 0.2], strict=True)))
    double = good[:-1] + f', "{NAMES[0]}": 1}}'
    bad = [good[:-1], f"{good}, {good}", double, "[1,2,3]", '{"id": 1}', "7", good.replace("5.1", "NaN")]
    text = "\n".join([good, *bad, good, ""])
    written = scoring(text, source="in.jsonl", target="out.jsonl", bad_rows=scoring.folder / "bad.csv")
    found = rows_of((scoring.folder / "bad.csv").read_text())

    assert 2 == len(written.splitlines())
    assert [*map(str, range(2, 9))] == [each["line"] for each in found]
    assert bad == [each["row"] for each in found]
    shape = ["wrong_feature_count", "missing_feature", "invalid_row"]
    assert ["invalid_json", "invalid_json", "duplicate_name", *shape, "invalid_json"] == [
        each["code"] for each in found
    ]


def test_ids_of_json_lines_are_kept_as_they_are(scoring):
    """With their types; a row that has none is a bad one."""
    row = json.dumps(dict(zip(NAMES, [5.1, 3.5, 1.4, 0.2], strict=True)))[1:]
    text = f'{{"id":7,{row}\n{{"id":"b",{row}\n{{"id":null,{row}\n{{{row}\n'
    kept, bad = Kept(False, ("id",)), scoring.folder / "bad.csv"
    lines = scoring(text, source="in.jsonl", target="out.jsonl", kept=kept, bad_rows=bad).splitlines()

    assert [7, "b", None] == [json.loads(line)["id"] for line in lines]
    assert "expected a member 'id', the id, got none" == rows_of(bad.read_text())[0]["reason"]


def test_gzip_is_read_and_written_by_suffix(scoring):
    """The parts that are compressed one by one are one file."""
    plain = scoring(f"{HEAD}\n{ROW}\n")
    scoring.folder.joinpath("out.csv").unlink()
    compressed = gzip.compress(f"{HEAD}\n{ROW}\n".encode())
    job = Job(str(scoring.folder / "in.csv.gz"), str(scoring.folder / "out.csv.gz"), "csv", "csv", Kept())
    Path(job.source).write_bytes(compressed)
    score(job, scoring.served, lambda _: None, pytest.fail)

    assert plain == gzip.decompress(Path(job.target).read_bytes()).decode()


def test_columns_that_lack_get_the_value_that_the_operator_gave(iris_bundle, tmp_path):
    """As in a request: then a column that the model does not have might be one that is misspelt."""
    loaded = load(iris_bundle)
    policy = ColumnPolicy.of(loaded.manifest.signature, {NAMES[3]: 0.2})
    lacking = Scoring(ServedModel.of(loaded, 0.0, 10**7, policy=policy), tmp_path)
    head = ",".join(NAMES[:3])

    assert lacking(f"{head}\n5.1,3.5,1.4\n").startswith(f"{head},{ADDED}\n5.1,3.5,1.4,0,")
    with pytest.raises(Stopped, match="no column 'petal width'; where MISSING_COLUMNS"):
        lacking(f"{head},petal width\n5.1,3.5,1.4,9\n")


@pytest.mark.parametrize("name", ["out.xlsx", "out.json", "out.TSV.gz"])
def test_a_suffix_of_another_format_is_refused(name):
    """No CSV is written into a file that says that it is a spreadsheet, unless the format is given; others are free."""
    with pytest.raises(Stopped, match=r"no format that can be written; give one of csv, .* with --format\.") as raised:
        format_of(name, None, "csv")

    assert "bad_output" == raised.value.code
    assert ("csv", "csv") == (format_of(name, "csv", "csv"), format_of("out.txt", None, "csv"))
    with pytest.raises(Stopped, match=r"no format that can be read; give one of csv, .* with --input-format\."):
        format_of("rows.xlsx", None)


def test_a_place_that_cannot_be_written_is_said(scoring):
    """The name is the one that was given, not that of the file beside it."""
    with pytest.raises(Stopped, match=r"none/out\.csv cannot be written \(No such file or directory\); name another"):
        PartialFile(scoring.folder / "none" / "out.csv")


def test_each_code_is_documented():
    """The page of scoring has a table of all codes, and no others."""
    sources = "".join(path.read_text() for path in (ROOT / "service/scoring").glob("*.py"))
    raised = re.findall(r'Stopped\(\s*"(\w+)"(?: if \w+ else "(\w+)")?', sources)
    documented = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/scoring.md").read_text(), re.MULTILINE)

    assert {"failed", *filter(None, itertools.chain(*raised))} == set(documented)
