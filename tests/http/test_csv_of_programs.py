"""CSV and records in requests as pandas and Excel write them: what is neither names nor rows is said."""

import pytest
from sklearn.datasets import load_iris

IRIS = load_iris(as_frame=True).data.iloc[:3]
INDEX = "no column for the index of a data frame (write it with index=False)"


def send(server, text):
    return server.client.post("/predict", data=text, content_type="text/csv")


@pytest.mark.parametrize("label", ["", "Unnamed: 0", "__index_level_0__"])
def test_the_index_of_a_data_frame_is_named_as_one(server, label):
    """`to_csv()` writes it as a first column without a name, which is `Unnamed: 0` when read and written again."""
    answer = send(server, IRIS.to_csv(index_label=label))

    assert (422, "unknown_feature") == (answer.status_code, answer.json["code"])
    assert {"code": "unknown_feature", "pointer": f"/{label}", "expected": INDEX, "got": "no such feature"} in (
        answer.json["errors"]
    )


def test_the_index_is_named_in_records_too(server):
    """`reset_index` or a file that was read again leaves it in each record."""
    answer = server.client.post("/predict", json={"instances": [{"Unnamed: 0": 0, **IRIS.iloc[0].to_dict()}]})

    assert (422, INDEX) == (answer.status_code, answer.json["errors"][0]["expected"])


@pytest.mark.parametrize("line", ["sep=,", "sep=;", '"sep=,"', "\ufeffsep=,"])
@pytest.mark.parametrize("header", [True, False], ids=["names", "no names"])
def test_the_line_of_excel_is_named_as_one(server, line, header):
    """Excel names the separator in a first line, which is neither names nor a row."""
    answer = send(server, f"{line}\r\n{IRIS.to_csv(index=False, header=header)}")

    assert (422, "invalid_request") == (answer.status_code, answer.json["code"])
    assert "leave out the line by which Excel names the separator" in answer.json["detail"]


def test_what_is_written_without_either_is_answered(server):
    """The same rows, as `to_csv(index=False)` writes them."""
    assert [0, 0, 0] == send(server, IRIS.to_csv(index=False)).json["predictions"]
