"""Models whose names are made to break the page: they are shown as text, and the page works."""

import json

import pytest
from playwright.sync_api import expect

from tests.system.browser import hostile
from tests.system.conftest import launching


@pytest.fixture(scope="module")
def launch_once(tmp_path_factory, iris_bundle):
    with launching(tmp_path_factory, iris_bundle) as launch:
        yield launch


def started(launch, bundle):
    server = launch(bundle, WEB_CONCURRENCY="1")
    server.wait_until_ready()
    return server


@pytest.fixture(scope="module")
def named(launch_once, make_once):
    """Serve a model with hostile names, categories and classes."""
    return started(launch_once, make_once("-c", hostile.PACK, json.dumps(hostile.NAMES)))


@pytest.fixture(scope="module")
def large(launch_once, make_once):
    """Serve a model with 10,000 features and 500 classes, all of them named with markup."""
    return started(launch_once, make_once("-c", hostile.PACK_LARGE))


def predict(page):
    page.get_by_role("button", name="Predict", exact=True).click()
    answer = page.get_by_role("region", name="Answer").last
    expect(answer).to_contain_text("Round trip")
    return answer


def test_hostile_names_are_shown_as_text(visit, named):
    """Names of features, categories and classes: nothing of them is markup, and none is lost."""
    visit = visit(named.port)
    page = visit.page
    names = page.locator("#fields .name")
    expect(names).to_have_count(len(hostile.NAMES) + 1)
    # Each is a text of its own direction that cannot turn what stands beside it.
    assert {*hostile.NAMES, "kind"} == set(names.evaluate_all("all => all.map(each => each.textContent)"))
    options = page.locator("#fields select option")
    assert set(hostile.NAMES) == set(options.evaluate_all("all => all.map(each => each.textContent)"))
    compared = page.locator("#drift tbody th")
    expect(compared).to_have_count(len(hostile.NAMES) + 1)
    assert {*hostile.NAMES, "kind"} == set(compared.evaluate_all("all => all.map(each => each.textContent)"))

    answer = predict(page)
    classes = hostile.NAMES[:3]
    assert set(classes) <= set(answer.locator(".bar-name").evaluate_all("all => all.map(each => each.textContent)"))
    expect(page).to_have_title("hostile 1")
    assert 0 == page.locator("main img, main script:not([type='application/json'])").count()
    assert [] == visit.violations_of_accessibility()


def test_a_file_of_hostile_names_and_values_is_predicted(visit, named):
    """They stand in the header line and in cells, are quoted in what is sent, and come back as they were."""
    page = visit(named.port).page
    head = [*hostile.NAMES, "kind"]
    cells = [[*["1.5"] * len(hostile.NAMES), kind] for kind in hostile.NAMES]
    lines = ["\t".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in [head, *cells]]
    page.get_by_label("Choose a CSV file").set_input_files(
        [{"name": "<b>.csv", "mimeType": "text/csv", "buffer": "\r\n".join(lines).encode()}]
    )
    page.get_by_role("button", name="Predict all rows").click()
    expect(page.get_by_text(f"Done: {len(cells)} rows predicted.")).to_be_visible()
    rows = [dict(zip(head, [*[1.5] * len(hostile.NAMES), row[-1]], strict=True)) for row in cells]
    _, answer = named.predict({"instances": rows})

    shown = page.get_by_role("region", name="First answers").locator("tbody td:nth-child(2)")
    assert answer["predictions"][:5] == shown.evaluate_all("all => all.map(each => each.textContent)")
    expect(page).to_have_title("hostile 1")


def test_ten_thousand_features_and_five_hundred_classes(visit, large):
    """The page opens, finds a feature by its name, and shows an answer; it shows fields and bars by and by."""
    visit = visit(large.port)
    page = visit.page
    page.get_by_label("Find a feature").fill(f"feature {hostile.FEATURES - 1}<")
    field = page.locator("#form").get_by_label(f"<b>feature {hostile.FEATURES - 1}</b>", exact=True)
    field.fill("wide")
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("1.5")
    answer = predict(page)
    expect(answer).to_contain_text("<i>class 0</i>")
    answer.get_by_role("button").first.click()
    expect(answer.locator(".bar-name")).to_have_count(hostile.CLASSES)
    assert 100 > page.locator("#fields .field").count()
    assert [] == visit.violations_of_accessibility()
