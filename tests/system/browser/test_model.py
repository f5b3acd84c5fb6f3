"""The model's page: its form, its answers, what the server says of a bad value, and another model while it is open."""

import json
import re
import shutil
import signal
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.system.conftest import eventually

NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]


class Model:
    """The form and the answer of the page."""

    def __init__(self, visit):
        self.visit, self.page = visit, visit.page
        self.answer = self.page.get_by_role("region", name="Answer", exact=True).last
        self.notice = self.page.locator("#notice")

    def field(self, name):
        return self.page.locator("#form").get_by_label(name, exact=True)

    def fill(self, row):
        for name, value in zip(NAMES, row, strict=True):
            self.field(name).fill(value)

    def predict(self):
        self.page.get_by_role("button", name="Predict", exact=True).click()

    def message(self, name):
        """Return what stands beside a field, found as a screen reader finds it: by what describes the field."""
        described = self.field(name).get_attribute("aria-describedby").split()
        return self.page.locator(f"#{described[-1]}")

    def copied(self, language):
        """Return what the copy button copies."""
        self.page.get_by_role("tab", name=language).click()
        self.page.get_by_role("button", name="Copy the program").click()
        expect(self.page.get_by_text("Copied.", exact=True)).to_be_attached()
        return self.page.evaluate("navigator.clipboard.readText()")


def replace_model(server, bundle, other):
    """Serve another bundle from the same directory."""
    before = server.workers()
    shutil.rmtree(bundle)
    shutil.copytree(other, bundle)
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.without(before), "new workers")


@pytest.fixture
def model(visit, iris):
    return Model(visit(iris.port, permissions=["clipboard-read", "clipboard-write"]))


def test_a_row_is_filled_in_and_answered_as_a_direct_request_is(model, iris):
    """The label, and the probability of each class."""
    row = [6.9, 3.1, 5.1, 2.3]
    model.fill(map(str, row))
    model.predict()
    _, answer = iris.predict({"instances": [row]})

    expect(model.answer).to_contain_text(str(answer["predictions"][0]))
    for probability in answer["probabilities"][0]:
        shown = f"{probability * 100:.1f} %" if probability >= 0.001 else "< 0.1 %"
        expect(model.answer).to_contain_text(shown)


def test_a_bad_value_has_the_servers_message_beside_its_field(model, iris):
    """Each of them, and a field that is corrected has none any more."""
    bad = {NAMES[0]: "wide", NAMES[3]: ""}
    for name, value in bad.items():
        model.field(name).fill(value)
    model.predict()
    expect(model.field(NAMES[0])).to_have_attribute("aria-invalid", "true")
    _, refusal = iris.predict({"instances": [[("wide", 3, 1.4, None)[at] for at in range(4)]]})
    said = [f"Expected {each['expected']}, got {each['got']}." for each in refusal["errors"]]

    assert len(bad) == len(said)
    for name, message in zip(bad, said, strict=True):
        expect(model.message(name)).to_have_text(message)
    expect(model.message(NAMES[1])).to_have_text("")
    expect(model.field(NAMES[0])).to_be_focused()

    for name in bad:
        model.field(name).fill("1.5")
    model.predict()
    expect(model.message(NAMES[0])).to_have_text("")


@pytest.mark.parametrize(
    ("language", "command"),
    [("curl", ["sh", "-c"]), ("Python", [sys.executable, "-c"]), ("JavaScript", ["node", "--input-type=module", "-e"])],
)
def test_the_copied_program_gives_the_answer_of_the_page(model, iris, language, command):
    """Run as it is, it prints what a direct request with the row of the form answers."""
    row = [5.9, 3.0, 4.2, 0.30000000000000004]
    model.fill(map(repr, row))
    expect(model.page.locator("#code")).to_contain_text("0.30000000000000004")
    program = model.copied(language)
    done = subprocess.run([*command, program], capture_output=True, text=True, check=True)

    _, answer = iris.predict({"instances": [row]})
    said = re.sub(r"(\w+):", r'"\1":', done.stdout.replace("'", '"'))  # Python's and JavaScript's own notation
    assert answer == json.loads(said)


def test_an_answer_of_another_model_is_told_of_at_once(visit, serve, iris_bundle, second, tmp_path):
    """Its version is another one than the page's."""
    bundle = shutil.copytree(iris_bundle, tmp_path / "bundle")
    server = serve(bundle, WEB_CONCURRENCY="1")
    model = Model(visit(server.port))
    replace_model(server, bundle, second)
    model.predict()

    expect(model.notice).to_contain_text("Another model is served now: iris 2 (")


def test_another_model_is_told_of_while_the_page_is_open(visit, serve, iris_bundle, second, tmp_path):
    """The notice offers its page, where the values that were entered are kept."""
    bundle = shutil.copytree(iris_bundle, tmp_path / "bundle")
    server = serve(bundle, WEB_CONCURRENCY="1")
    model = Model(visit(server.port))
    model.page.clock.install()
    model.page.reload()
    model.field(NAMES[0]).fill("6.25")
    replace_model(server, bundle, second)
    model.page.clock.fast_forward(20_000)
    expect(model.notice).to_contain_text("Another model is served now: iris 2 (")
    expect(model.notice).to_contain_text("This page describes iris 1 (")
    model.notice.get_by_role("button", name="Show iris 2").click()

    expect(model.page).to_have_title("iris 2")
    expect(model.notice).to_be_hidden()
    expect(model.field(NAMES[0])).to_have_value("6.25")
    model.predict()
    row = [float(model.field(name).input_value()) for name in NAMES]
    expect(model.answer).to_contain_text(server.predict({"instances": [row]})[1]["predictions"][0])
