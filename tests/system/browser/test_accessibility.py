"""The page for everybody: axe-core's rules in each theme and width, and all of it by keyboard alone."""

import pytest
from playwright.sync_api import expect

NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
WAYS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    "narrow": {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark"},
}
ROWS = "\n".join([",".join(["id", *NAMES]), "1,5.1,3.5,1.4,0.2", "2,wide,3.5,1.4,0.2"])


# Readers may space text like this (WCAG 2.2, success criterion 1.4.12); it is also wider than any usual font.
SPACE = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(
    "* { letter-spacing: 0.12em !important; word-spacing: 0.16em !important; line-height: 1.5 !important }");
  document.adoptedStyleSheets.push(sheet);
}"""


def fits(page):
    """Say whether nothing of the page needs scrolling to the side, when its text is spaced, too."""
    page.evaluate(SPACE)
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("way", WAYS)
def test_axe_finds_nothing_on_the_models_page(visit, iris, way):
    """As it opens, with an answer, with messages beside fields, and with a file whose rows are refused and skipped."""
    visit = visit(iris.port, **WAYS[way])
    page = visit.page
    found = [*visit.violations_of_accessibility()]
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.get_by_role("region", name="Answer").last).to_contain_text("Round trip")
    found += visit.violations_of_accessibility()
    page.locator("#form").get_by_label(NAMES[1], exact=True).fill("wide")
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.locator("#form").get_by_label(NAMES[1], exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Or paste rows").fill(ROWS)
    page.get_by_role("button", name="Use these rows").click()
    page.locator("summary").last.click()
    found += visit.violations_of_accessibility()
    page.get_by_role("button", name="Predict all rows").click()
    expect(page.get_by_role("region", name="Refused rows")).to_be_visible()
    found += visit.violations_of_accessibility()
    page.get_by_role("button", name="Skip refused rows").click()
    expect(page.get_by_text("Done: 1 row predicted, 1 left out.")).to_be_visible()
    found += visit.violations_of_accessibility()

    assert [] == found
    assert fits(page)


@pytest.fixture
def page(visit, iris):
    return visit(iris.port).page


@pytest.fixture
def go_to(page):
    """Press Tab until the focus is on an element, where it must be seen."""

    def go(locator):
        for _ in range(40):
            page.keyboard.press("Tab")
            if locator.evaluate("element => element === document.activeElement"):
                break
        expect(locator).to_be_focused()
        assert "none" != locator.evaluate("element => getComputedStyle(element).outlineStyle")

    return go


def test_a_row_is_predicted_by_keyboard_alone(page, go_to):
    """Tab, Enter, Space, arrows and typing: over the skip link to the form, a mistake, the answer, and the programs."""
    first = page.locator("#form").get_by_label(NAMES[0], exact=True)
    go_to(page.get_by_role("link", name="Skip to the form"))
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    go_to(first)
    page.keyboard.press("Control+A")
    page.keyboard.type("wide")
    page.keyboard.press("Enter")
    expect(first).to_have_attribute("aria-invalid", "true")
    expect(first).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("6.5")
    go_to(page.get_by_role("button", name="Predict", exact=True))
    page.keyboard.press("Space")
    expect(page.get_by_role("region", name="Answer").last).to_contain_text("Round trip")
    go_to(page.get_by_role("tab", name="curl"))
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Python")).to_be_focused()
    expect(page.locator("#code")).to_contain_text("import requests")


def test_a_file_is_predicted_by_keyboard_alone(page, go_to):
    """The focus goes to what comes next: what to do about refused rows, and the result."""
    go_to(page.get_by_label("Or paste rows"))
    page.keyboard.insert_text(ROWS)
    go_to(page.get_by_role("button", name="Use these rows"))
    page.keyboard.press("Enter")
    go_to(page.get_by_role("button", name="Predict all rows"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Skip refused rows")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Download 1 row")).to_be_focused()
    with page.expect_download() as download:
        page.keyboard.press("Enter")

    assert "pasted.predicted.csv" == download.value.suggested_filename
