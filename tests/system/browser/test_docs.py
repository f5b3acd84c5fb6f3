"""The page of the OpenAPI document at `/docs`: Swagger UI under the policy of all pages."""

import pytest
from playwright.sync_api import expect

from tests.system.browser.test_accessibility import WAYS
from tests.system.browser.test_places import documented_nginx, guarded  # noqa: F401  # the fixture


def predict(page):
    """Open the route, and send its first example as it is."""
    page.locator("#operations-native-predict .opblock-summary-control").click()
    page.get_by_role("button", name="Execute", exact=True).click()
    answer = page.locator("#operations-native-predict .live-responses-table")
    expect(answer.locator(".response").first).to_contain_text("200")
    expect(answer).to_contain_text('"prediction": ')
    return page.locator("#operations-native-predict .request-url").inner_text()


@pytest.mark.parametrize("way", WAYS)
def test_it_shows_this_models_routes_and_sends_requests(visit, iris, way):
    """Examples are answered as they stand; axe-core finds nothing, and nothing is asked from elsewhere."""
    visit = visit(iris.port, "/docs", **WAYS[way])
    page = visit.page
    expect(page.get_by_role("heading", level=1)).to_contain_text("iris")
    found = [*visit.violations_of_accessibility()]
    predict(page)
    found += visit.violations_of_accessibility()

    assert [] == found
    assert 20 < page.locator(".opblock").count()


def test_below_a_path_requests_go_there(visit, serve, tmp_path):
    """Behind a proxy that takes a path off, the page finds its files, its document and its routes."""
    server = serve(WEB_CONCURRENCY="1")
    with documented_nginx(tmp_path, server.port) as port:
        page = visit(port, "/models/churn/docs").page
        asked = predict(page)

    assert f"http://127.0.0.1:{port}/models/churn/predict" in asked


def test_behind_a_token_it_asks_first(visit, guarded):  # noqa: F811  # the fixture
    """A wrong token is refused; the right one is sent with each request, and kept in memory only."""
    visit = visit(guarded.port, "/docs")
    page = visit.page
    visit.refusals.add(401)
    found = [*visit.violations_of_accessibility()]
    assert "iris" not in page.content()
    page.get_by_label("Token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This token is not known.")
    page.get_by_label("Token").fill("right")
    page.keyboard.press("Enter")
    expect(page.locator(".opblock").first).to_be_visible()
    predict(page)
    found += visit.violations_of_accessibility()

    assert [] == found
    assert ["", 0, 0] == page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]")
