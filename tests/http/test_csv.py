"""Lines of CSV are never more or fewer than the rows that were meant: header lines, blank lines, charsets."""

import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from model.packing.pack import pack
from tests.badinput import NAMES
from tests.http.conftest import Server

CSV = "text/csv"
PATHS = ("/predict", "/invocations")
LINE = "5.1,3.5,1.4,0.2\n"


@pytest.fixture(scope="module")
def column(tmp_path_factory):
    """Serve a model of one number that may be missing."""
    folder = tmp_path_factory.mktemp("column") / "bundle"
    rows = [[place if place % 3 else None] for place in range(60)]
    pack(HistGradientBoostingRegressor(max_iter=5).fit(rows, range(60)), folder, name="column", data=rows)
    return Server(folder)


@pytest.fixture(scope="module")
def text(victim_bundles):
    return Server(victim_bundles["text"])


def ask(server, body, kind=CSV, path="/predict"):
    return server.client.post(path, data=body, content_type=kind)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("head", ["", "x0"])
def test_a_blank_line_is_a_missing_value_where_lines_have_one_cell(column, path, end, head):
    """Three rows in, three answers out; only the end of the last line is not one more row."""
    expected = column.predict({"instances": [[1], [None], [5], [None]]}).json["predictions"]
    lines = [*([head] if head else []), "1", "", "5", "", ""]

    answer = ask(column, end.join(lines), path=path)

    assert expected == (answer.json["predictions"] if path == "/predict" or head else answer.json)


def test_a_blank_line_is_an_empty_text(text):
    """A text model has an answer to an empty string."""
    expected = text.predict({"instances": ["cats and dogs", "", "bones and so on"]})

    assert expected.data == ask(text, "cats and dogs\n\nbones and so on\n").data


def test_a_blank_line_between_several_cells_is_nothing(server):
    """It cannot be a row."""
    assert [0, 0] == ask(server, f"\n{LINE}\n{LINE}\n").json["predictions"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("charset", ["latin-1", "iso-8859-1", "utf-16", "windows-1252", '"latin-1"', "nonsense"])
def test_another_charset_is_unsupported(text, path, charset):
    """What the bytes would mean in UTF-8 is not what was sent."""
    answer = ask(text, "Käse und Brot".encode("latin-1"), f"{CSV}; charset={charset}", path)

    assert 415 == answer.status_code


@pytest.mark.parametrize(
    "parameters", ["charset=utf-8", "charset=UTF-8; header=absent", "header=absent", "label_size=0"]
)
def test_known_parameters_are_taken(server, parameters):
    """Of the content type, those that say what is read anyway."""
    assert [0] == ask(server, LINE, f"{CSV}; {parameters}").json["predictions"]


@pytest.mark.parametrize(
    "parameters", ['delimiter=";"', "label_size=1", "header=yes", "headers=present", "quotechar=x"]
)
@pytest.mark.parametrize("path", PATHS)
def test_a_parameter_that_would_be_dropped_is_unsupported(server, path, parameters):
    """One that is not known may say that the lines are not what they seem."""
    assert 415 == ask(server, LINE, f"{CSV}; {parameters}", path).status_code


@pytest.mark.parametrize("kind", ["application/x-npy", "application/vnd.apache.arrow.stream"])
def test_a_charset_of_a_binary_format_is_unsupported(server, kind):
    """The rule is the same for every content type."""
    assert 415 == ask(server, b"", f"{kind}; charset=latin-1").status_code


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("head", ["TEXT", "Text", " text ", "_text", '"TEXT"'])
def test_a_name_in_another_case_is_never_a_text(text, path, head):
    """It is refused as a name, with the right one."""
    answer = ask(text, f"{head}\ncats and dogs\n", path=path)

    assert (422 if path == "/predict" else 400) == answer.status_code
    assert "unknown_feature" in answer.text
    assert "perhaps 'text'" in answer.text


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("head", ["review", "Review_Text", "comment"])
def test_a_word_above_texts_is_neither_a_name_nor_a_text(text, path, head):
    """A model of text does not know the name of its column: the caller has to say which of the two it is."""
    body = f"{head}\ncats and dogs\n"

    answer = ask(text, body, path=path)

    assert (422 if path == "/predict" else 400) == answer.status_code
    assert "header=present or header=absent" in answer.text
    assert 2 == len(ask(text, body, f"{CSV}; header=absent").json["predictions"])
    assert 422 == ask(text, body, f"{CSV}; header=present").status_code
    assert 1 == len(ask(text, head).json["predictions"])


def test_names_in_another_case_are_never_a_row_of_strings(serve, tmp_path):
    """Also where a model takes any string in every column."""
    rows = pd.DataFrame({"city": ["Rome", "Paris"] * 10, "first name": ["Ada", "Alan"] * 10})
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(rows, [0, 1] * 10)
    pack(model, tmp_path / "bundle", name="strings", data=rows)
    server = serve(tmp_path / "bundle")

    for head, code in (("City,First_Name", "unknown_feature"), ("Town,Name", "invalid_request")):
        assert code == ask(server, f"{head}\nRome,Ada\n").json["code"]
    assert [0, 1] == ask(server, "Rome,Ada Lovelace\nParis,Alan\n").json["predictions"][:2]
    assert [0] == ask(server, "city,first name\nRome,Ada\n").json["predictions"]


def test_a_header_line_in_another_case_is_answered_with_the_right_names(server):
    """The answer says which name was probably meant."""
    answer = ask(server, ",".join(NAMES).upper() + "\n" + LINE)

    assert (422, "unknown_feature") == (answer.status_code, answer.json["code"])
    assert f"perhaps {NAMES[0]!r}" in answer.json["detail"]


@pytest.mark.parametrize("first", ["1e5,2.0E-3,-7,+.5", "1,2,3,nan", "5.1,3.5,1.4,0.2"])
def test_a_line_of_numbers_is_a_row(server, first):
    """Numbers with letters are no names."""
    answer = ask(server, first + "\n" + LINE)

    assert "unknown_feature" not in answer.text
    assert "/0/" not in answer.text.replace("/0/petal width (cm)", "")
