"""Where the page may be: below a path of a proxy, behind a token, or nowhere."""

import hashlib
import re
import subprocess
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.conftest import ROOT
from tests.system.conftest import DEADLINE, eventually
from tests.system.reliability.fronts import NGINX_MAIN, free_port, program

LOCATION = re.compile(r"```nginx\n(.*?)```", re.DOTALL)
HTML = "text/html"


@contextmanager
def documented_nginx(folder, backend):
    """Run nginx with the lines that docs/operations.md has for a path; yields its port."""
    port = free_port()
    location = LOCATION.search((ROOT / "docs/operations.md").read_text())[1]
    server = f"server {{ listen 127.0.0.1:{port};\n{location} }}"
    (folder / "conf.d").mkdir()
    (folder / "conf.d/ml-service.conf").write_text(f"upstream ml_service {{ server 127.0.0.1:{backend}; }}\n{server}")
    (folder / "nginx.conf").write_text(NGINX_MAIN.format(folder=folder))
    command = [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "errors")]
    process = subprocess.Popen(command)
    try:
        eventually((folder / "pid").exists, "nginx")
        yield port
    finally:
        process.terminate()
        process.wait(DEADLINE)


def test_below_a_path_of_nginx_everything_works(visit, serve, tmp_path):
    """The page, its files, predictions, programs and links; a path without a slash at its end leads to it."""
    server = serve(WEB_CONCURRENCY="1", FORWARDED_PREFIX="1")
    with documented_nginx(tmp_path, server.port) as port:
        visit = visit(port, "/models/churn")
        page = visit.page
        expect(page).to_have_url(f"http://127.0.0.1:{port}/models/churn/")
        page.get_by_role("button", name="Predict", exact=True).click()
        expect(page.get_by_role("region", name="Answer").last).to_contain_text("Round trip")
        expect(page.locator("#code")).to_contain_text(f"http://127.0.0.1:{port}/models/churn/predict")
        expect(page.get_by_role("region", name="Drift")).to_contain_text("Too few rows yet")
        page.get_by_label("Or paste rows").fill("5.1,3.5,1.4,0.2")
        page.get_by_role("button", name="Use these rows").click()
        page.get_by_role("button", name="Predict all rows").click()
        expect(page.get_by_text("Done: 1 row predicted.")).to_be_visible()
        links = [
            link.evaluate("link => link.href") for link in page.get_by_role("navigation").get_by_role("link").all()
        ]
        statuses = {link: page.request.get(link).status for link in links}
        document = page.request.get(f"http://127.0.0.1:{port}/models/churn/openapi.json").json()
        visit.open("/models/churn/docs")
        page.get_by_role("button", name="post /predict", exact=True).click()
        page.get_by_role("button", name="Execute").click()
        expect(page.locator(".live-responses-table")).to_contain_text('"prediction"')

    assert {200} == set(statuses.values()), statuses
    assert [{"url": "/models/churn"}] == [{"url": each["url"]} for each in document["servers"]]


@pytest.fixture
def guarded(launch, tmp_path):
    """Serve the reference model to callers with the token "right"."""
    (tmp_path / "tokens").write_text(hashlib.sha256(b"right").hexdigest())
    server = launch(WEB_CONCURRENCY="1", TOKENS_FILE=str(tmp_path / "tokens"))
    server.wait_until_listening()
    return server


def test_a_page_behind_a_token_asks_for_it_and_says_nothing_before(visit, guarded):
    """A wrong token is refused beside its field; the right one is sent with each request, and is gone with the page."""
    visit = visit(guarded.port)
    page = visit.page
    visit.refusals.add(401)
    expect(page.get_by_role("heading", level=1)).to_have_text("This model needs a token")
    assert "iris" not in page.content()
    assert [] == visit.violations_of_accessibility()

    page.get_by_label("Token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This token is not known.")
    page.get_by_label("Token").fill("right")
    page.keyboard.press("Enter")
    expect(page).to_have_title("iris 1")
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.get_by_role("region", name="Answer").last).to_contain_text("Round trip")
    page.get_by_label("Or paste rows").fill("5.1,3.5,1.4,0.2")
    page.get_by_role("button", name="Use these rows").click()
    page.get_by_role("button", name="Predict all rows").click()
    expect(page.get_by_text("Done: 1 row predicted.")).to_be_visible()
    expect(page.locator("#code")).to_contain_text("$TOKEN")
    expect(page.get_by_role("region", name="Drift")).to_contain_text("Too few rows yet")
    assert [] == visit.violations_of_accessibility()

    stored = page.evaluate("[document.cookie, localStorage.length, sessionStorage.length, location.href]")
    assert ["", 0, 0, f"{visit.origin}/"] == stored
    page.reload()
    expect(page.get_by_label("Token")).to_have_value("")


def test_the_apis_page_behind_a_token_asks_for_it_too(visit, guarded):
    """And sends it with the requests that are tried."""
    visit = visit(guarded.port, "/docs")
    page = visit.page
    assert "iris" not in page.content()
    page.get_by_label("Token").fill("right")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("iris 1")
    page.get_by_role("button", name="post /predict", exact=True).click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table")).to_contain_text('"prediction"')


def test_pages_can_be_turned_off(serve):
    """PAGES=0: a browser gets what everybody gets, and there are no documents and no files."""
    with serve(WEB_CONCURRENCY="1", PAGES="0").connect() as connection:
        found = {path: connection.ask("GET", path, Accept=HTML) for path in ("/", "/docs", "/openapi.json")}

    assert (200, b'{"status":"alive"}') == (found["/"][0], found["/"][2])
    assert (404, 200) == (found["/docs"][0], found["/openapi.json"][0])
