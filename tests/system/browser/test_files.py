"""The page's part for files: CSV in, predictions out, in batches that can be stopped, and rows that are refused."""

import csv
import io
import random

import pytest
from playwright.sync_api import expect

NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
CSV = "text/csv; header=present"
TIMER = """() => {
  let last = performance.now();
  window.begun = last;
  window.longest = 0;
  setInterval(() => {
    window.longest = Math.max(window.longest, performance.now() - last);
    last = performance.now();
  }, 20);
}"""


def cells(count, seed=15):
    """Make rows of numbers with more digits than anybody types."""
    numbers = random.Random(seed)
    return [[repr(numbers.uniform(0.1, 8)) for _ in NAMES] for _ in range(count)]


def written(rows):
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()


def read(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def answers(server, rows):
    """Return what one direct request answers on the same rows: lists of cells, the header line first."""
    with server.connect() as connection:
        status, _, body = connection.ask("POST", "/predict", written([NAMES, *rows]), CSV, Accept="text/csv")
    assert 200 == status, body
    return read(body.decode())


class Files:
    """The part of the page that is about files."""

    def __init__(self, visit):
        self.visit, self.page = visit, visit.page
        self.section = self.page.get_by_role("region", name="Predict a file")
        self.status = self.section.get_by_role("status")
        self.alert = self.section.get_by_role("alert")

    def choose(self, content, name="orders.csv"):
        content = content if isinstance(content, bytes) else content.encode()
        self.page.get_by_label("Choose a CSV file").set_input_files(
            [{"name": name, "mimeType": "text/csv", "buffer": content}]
        )

    def press(self, name):
        self.section.get_by_role("button", name=name).click()

    def download(self, name):
        with self.page.expect_download() as download:
            self.section.get_by_role("link", name=name).click()
        with download.value.path().open(newline="", encoding="utf-8") as file:
            return download.value.suggested_filename, read(file.read())


@pytest.fixture
def files(visit, iris):
    return Files(visit(iris.port))


def test_five_thousand_rows_get_what_a_direct_request_gets(files, iris):
    """Cell by cell, in the file's order; columns that the model does not take come back, and are not sent."""
    rows = cells(5000)
    sent = []
    files.page.on("request", lambda request: sent.append(request.post_data))
    lines = [[f'order {place}, "{place}"\nnext', *reversed(row)] for place, row in enumerate(rows)]
    files.choose("\ufeff" + written([["id", *reversed(NAMES)], *lines]))
    expect(files.section).to_contain_text("4 of 4 features found; passed through, not sent: id")
    files.press("Predict all rows")
    expect(files.status).to_have_text("Done: 5,000 rows predicted.")
    name, found = files.download("Download 5,000 rows")

    head, *direct = answers(iris, rows)
    assert "orders.predicted.csv" == name
    assert ["id", *reversed(NAMES), *head] == found[0]
    assert [[*line, *answer] for line, answer in zip(lines, direct, strict=True)] == found[1:]
    assert [] == [body for body in sent if body and "order" in body]


def test_stopped_and_resumed_it_predicts_each_row_once(files, iris):
    """Cancel ends the request that is under way; Resume sends its rows again, and what follows."""
    rows, bodies, held = cells(5000), [], []

    def hold_the_second(route):
        bodies.append(route.request.post_data)
        held.append(route) if len(bodies) == 2 else route.continue_()

    files.page.route("**/predict", hold_the_second)
    files.choose(written([NAMES, *rows]))
    with files.page.expect_request(lambda request: len(bodies) == 1 and request.url.endswith("/predict")):
        files.press("Predict all rows")
    expect(files.section.get_by_text("500 of")).to_be_visible()
    files.press("Cancel")
    expect(files.status).to_have_text("Stopped. Resume goes on from here.")
    held.pop().abort()  # the page has given it up already
    _, part = files.download("Download 500 rows")
    files.press("Resume")
    expect(files.status).to_have_text("Done: 5,000 rows predicted.")
    _, found = files.download("Download 5,000 rows")

    head, *direct = answers(iris, rows)
    whole = [[*NAMES, *head], *([*row, *answer] for row, answer in zip(rows, direct, strict=True))]
    assert whole == found
    assert whole[:501] == part
    assert bodies[1] == bodies[2]


def test_refused_rows_are_named_with_their_lines_and_reasons_and_can_be_skipped(files, iris):
    """Of cells as the server says, of the number of cells as the page does; they come back in a file of their own."""
    rows = cells(700)
    lines = [list(row) for row in rows]
    lines[2][1], lines[650][3], lines[3] = "wide", "", lines[3][:2]
    files.choose(written([NAMES, *lines]))
    files.press("Predict all rows")
    table = files.section.get_by_role("region", name="Refused rows")
    expect(table.get_by_role("row")).to_have_text(
        ["LineColumnReason", "5expected 4 values, as in the first line, got 2"]
    )
    files.press("Skip refused rows")
    expect(files.status).to_have_text("Done: 697 rows predicted, 3 left out.")
    expect(table.get_by_role("row")).to_have_text(
        [
            "LineColumnReason",
            "4sepal width (cm)expected a number for 'sepal width (cm)', got the string 'wide'",
            "5expected 4 values, as in the first line, got 2",
            "652petal width (cm)expected a number for 'petal width (cm)', got null",
        ]
    )
    _, found = files.download("Download 697 rows")
    name, refused = files.download("Download 3 refused rows")

    kept = [row for place, row in enumerate(rows) if place not in (2, 3, 650)]
    assert [[*row, *answer] for row, answer in zip(kept, answers(iris, kept)[1:], strict=True)] == found[1:]
    assert ("orders.refused.csv", ["line", "reason", *NAMES]) == (name, refused[0])
    assert [["4", *lines[2]], ["5", *lines[3]], ["652", *lines[650]]] == [[row[0], *row[2:]] for row in refused[1:]]


def test_a_refused_row_is_found_where_the_server_does_not_name_it(visit, serve):
    """With TERSE_ERRORS an error has no places: the page sends halves of the rows until one row is left."""
    server = serve(WEB_CONCURRENCY="1", TERSE_ERRORS="1")
    files = Files(visit(server.port))
    lines = cells(100)
    lines[37][2] = "wide"
    files.choose(written([NAMES, *lines]))
    files.press("Predict all rows")
    files.press("Skip refused rows")
    expect(files.status).to_have_text("Done: 99 rows predicted, 1 left out.")
    _, refused = files.download("Download 1 refused row")

    assert [["39", *lines[37]]] == [[row[0], *row[2:]] for row in refused[1:]]


def test_a_busy_server_is_asked_again(files):
    """After as long as Retry-After says, and with the same rows."""
    bodies = []

    def refuse_the_first(route):
        bodies.append(route.request.post_data)
        answer = '{"code": "overloaded", "detail": "No slot."}'
        headers = {"Retry-After": "1", "Content-Type": "application/problem+json"}
        route.fulfill(status=503, headers=headers, body=answer) if len(bodies) == 1 else route.continue_()

    files.visit.refusals.add(503)
    files.page.route("**/predict", refuse_the_first)
    files.choose(written([NAMES, *cells(3)]))
    files.press("Predict all rows")
    expect(files.status).to_have_text("The server is busy: waiting for it.")
    expect(files.status).to_have_text("Done: 3 rows predicted.")

    assert bodies[0] == bodies[1]


def test_pasted_rows_without_names_are_taken_in_the_features_order(files, iris):
    """And rows of a spreadsheet, which have tabs between them."""
    rows = cells(2)
    files.page.get_by_label("Or paste rows").fill("\n".join("\t".join(row) for row in rows))
    files.press("Use these rows")
    expect(files.page.get_by_label("The first line has the columns' names")).not_to_be_checked()
    files.press("Predict all rows")
    expect(files.status).to_have_text("Done: 2 rows predicted.")
    _, found = files.download("Download 2 rows")

    head, *direct = answers(iris, rows)
    whole = [[*NAMES, *head], *([*row, *answer] for row, answer in zip(rows, direct, strict=True))]
    assert ["\t".join(cells) for cells in whole] == [line for (line,) in found]


def test_columns_of_other_names_are_mapped_by_hand(files, iris):
    """The page says which features it did not find, and lets their columns be chosen."""
    rows = cells(2)
    files.choose(written([["length", *NAMES[1:]], *rows]))
    expect(files.section).to_contain_text("3 of 4 features found, not in the file: sepal length (cm)")
    files.page.get_by_label(NAMES[0], exact=True).last.select_option("length")
    files.press("Predict all rows")
    expect(files.status).to_have_text("Done: 2 rows predicted.")
    _, found = files.download("Download 2 rows")

    assert [row[4:] for row in found] == answers(iris, rows)


def test_a_file_is_dropped(files, iris):
    """Anywhere on the section."""
    drop = """(section, content) => {
      const data = new DataTransfer();
      data.items.add(new File([content], "dropped.csv", { type: "text/csv" }));
      section.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    }"""
    files.section.evaluate(drop, written([NAMES, *cells(2)]))

    expect(files.section).to_contain_text("dropped.csv")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "The file is empty."),
        (b"a,b\n\xff,1\n", "The file is not text in UTF-8: save it as CSV in UTF-8."),
        (b'a,b,c,d\n1,"2\n', "Line 2: a quote is not closed."),
        (b"a,b,c,d,e\n1,2,3,4,5\n", "None of the file's columns is one of the model's."),
    ],
    ids=["empty", "latin1", "quote", "columns"],
)
def test_what_is_no_csv_of_the_model_is_said_in_one_line(files, content, expected):
    """Whether that is seen when the file is opened, or when it is read."""
    files.choose(content)
    start = files.section.get_by_role("button", name="Predict all rows")
    expect(start.or_(files.alert.filter(has_text="."))).to_be_visible()
    for button in start.all():
        button.click()

    expect(files.alert).to_have_text(expected)


def test_a_hundred_thousand_rows_do_not_freeze_the_page(files, tmp_path):
    """No pause of its timers takes a quarter of the time; no batch is larger than a megabyte."""
    sizes = []
    files.page.on("request", lambda request: sizes.append(len(request.post_data or "")))
    (tmp_path / "large.csv").write_text(written([NAMES, *cells(1000) * 100]), newline="")
    files.page.get_by_label("Choose a CSV file").set_input_files(tmp_path / "large.csv")
    files.page.evaluate(TIMER)
    files.press("Predict all rows")
    expect(files.status).to_have_text("Done: 100,000 rows predicted.")
    _, found = files.download("Download 100,000 rows")

    assert 100_001 == len(found)
    assert found[1:1001] == found[99_001:]
    assert 2**20 + 1000 > max(sizes)
    assert 0.25 > files.page.evaluate("window.longest / (performance.now() - window.begun)")
