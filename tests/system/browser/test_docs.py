"""The API's page at /docs: it opens, sends a request, and holds to the same policy and rules as the other page."""

import json

import pytest
from playwright.sync_api import expect

WAYS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}


def predicted(page):
    """Open the route of predictions, send the example that is there, and return the answer's body."""
    page.get_by_role("button", name="post /predict", exact=True).click()
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".live-responses-table .response-col_description pre").first
    expect(answer).to_contain_text("prediction")
    return answer


@pytest.mark.parametrize("way", WAYS)
def test_a_request_is_tried_and_axe_finds_nothing(visit, iris, way):
    """The example of the document is answered as a direct request with it is."""
    visit = visit(iris.port, "/docs", **WAYS[way])
    page = visit.page
    expect(page.get_by_role("heading", level=1)).to_contain_text("iris 1")
    found = visit.violations_of_accessibility()
    answer = predicted(page)
    sent = json.loads(page.get_by_role("textbox", name="Body").input_value())

    assert iris.predict(sent)[1] == json.loads(answer.text_content())
    assert [] == [*found, *visit.violations_of_accessibility()]


def test_a_refused_request_shows_the_servers_error(visit, iris):
    """Problem details, with the place of the value."""
    page = visit(iris.port, "/docs").page
    page.get_by_role("button", name="post /predict", exact=True).click()
    page.get_by_role("textbox", name="Body").fill('{"features": [1, "wide", 3, 4]}')
    page.get_by_role("button", name="Execute").click()

    expect(page.locator(".live-responses-table")).to_contain_text("/features/1")
