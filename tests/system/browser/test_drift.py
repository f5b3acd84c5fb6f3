"""The page's part about drift: what it says of few rows, of rows as in training, and of others, to everybody."""

import pytest
from playwright.sync_api import expect

from tests.system.browser import churn
from tests.system.browser.test_accessibility import WAYS, fits
from tests.system.conftest import launching

CONTRACTS, PAYMENTS = ["month to month", "one year", "two years"], ["card", "direct debit", "invoice"]


@pytest.fixture(scope="module")
def launch_once(tmp_path_factory, make_once):
    with launching(tmp_path_factory, make_once("-c", churn.PACK)) as launch:
        yield launch


@pytest.fixture(scope="module")
def server(launch_once):
    """Serve a model of customers to a few rows, of which one feature must not be told."""
    server = launch_once(WEB_CONCURRENCY="1", DRIFT_LEAST_ROWS="200", DRIFT_ROWS="200", LOG_REDACT="payment")
    server.wait_until_ready()
    return server


def send(server, count, charge=lambda at: 20.5 + at % 97):
    """Send rows of customers; `charge` says what the customer of a number pays."""
    rows = [
        [at % 61, charge(at), 18 + at % 70 if at % 9 else None, at % 5, CONTRACTS[at % 3], PAYMENTS[at % 2]]
        for at in range(count)
    ]
    status, answer = server.predict({"instances": rows})
    assert status == 200, answer


def drift(page):
    return page.get_by_role("region", name="Drift", exact=True)


def refresh(page):
    with page.expect_response("**/model/drift"):
        drift(page).get_by_role("button", name="Refresh").click()


def row(page, name):
    return drift(page).get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True))


@pytest.fixture
def drifted(server):
    """Have a window in which a charge is ten times as high as in training."""
    send(server, 220, charge=lambda at: 500 + at % 97)


def test_of_a_few_rows_nothing_is_said(visit, launch_once):
    """It says how many are needed, and shows what training was like; also at the head of the page."""
    server = launch_once(WEB_CONCURRENCY="1")
    server.wait_until_ready()
    send(server, 20)
    visit = visit(server.port)
    page = visit.page
    refresh(page)

    expect(drift(page).get_by_role("status")).to_contain_text("Too few rows yet: 20 of at least 500.")
    expect(page.locator("#drift-fact")).to_contain_text("too few rows yet")
    row(page, "contract").locator("summary").click()
    expect(row(page, "contract").locator("li").first).to_contain_text("month to month")
    expect(row(page, "contract").locator("li").first).not_to_contain_text("0 % now")
    assert [] == visit.violations_of_accessibility()


@pytest.mark.parametrize("way", WAYS)
def test_what_drifts_is_marked_and_comes_first(visit, server, drifted, way):
    """By a sentence, by what the limit is, and not by colour alone; in each theme and width."""
    visit = visit(server.port, **WAYS[way])
    page = visit.page
    expect(drift(page).get_by_role("status")).to_contain_text("features")
    first = drift(page).locator("tbody tr").first
    expect(first.get_by_role("rowheader")).to_have_text("monthly_charge")
    expect(first).to_contain_text("▲ over 0.20")
    expect(first).to_contain_text("100 %▲ over 5.0 %")
    expect(first.get_by_role("img")).to_have_accessible_name("Most changed: above 88.8: 10.0 % in training, 100 % now")
    first.locator("summary").click()
    expect(first.locator("li").last).to_contain_text("above 88.8")
    expect(page.locator("#drift-fact").get_by_role("link")).to_contain_text("over the limits")

    assert [] == visit.violations_of_accessibility()
    assert fits(page)


def test_values_of_a_hidden_feature_are_not_shown(visit, server, drifted):
    """LOG_REDACT: neither what they are nor which shares they have."""
    page = visit(server.port).page
    expect(row(page, "payment")).to_contain_text("its values are not shown")
    expect(row(page, "payment").locator("summary")).to_have_count(0)
    expect(row(page, "contract").locator("summary")).to_have_count(1)


def test_refreshing_keeps_the_keyboards_place(visit, server, drifted):
    """What has the focus keeps it, and what is open stays open, while figures change; then rows are sorted again."""
    page = visit(server.port).page
    shares = row(page, "monthly_charge").locator("summary")
    shares.focus()
    page.keyboard.press("Enter")
    expect(row(page, "monthly_charge").locator("li")).to_have_count(10)
    send(server, 220, charge=lambda at: 20.5 + at % 97)
    with page.expect_response("**/model/drift"):
        page.evaluate("document.querySelector('#drift button').click()")  # as the clock does: the focus stays
    expect(row(page, "monthly_charge")).not_to_contain_text("100 %▲ over 5.0 %")
    expect(shares).to_be_focused()
    expect(row(page, "monthly_charge").locator("li")).to_have_count(10)


def test_figures_are_asked_for_now_and_then(visit, server, drifted):
    """Every half minute, and only while the page is seen."""
    page = visit(server.port).page
    page.clock.install()
    page.reload()
    expect(drift(page).locator("tbody tr").first).to_contain_text("monthly_charge")
    with page.expect_response("**/model/drift"):
        page.clock.run_for(31_000)
