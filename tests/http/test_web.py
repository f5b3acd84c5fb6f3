"""The page at `/`: who gets it, with which headers, and what it says."""

import json
import re
from dataclasses import replace

import pytest

from model.packing.pack import pack
from model.packing.sources import read_source
from tests import zoo
from tests.conftest import ROOT
from tests.http.test_access import TOKENS, guarded, tokens_file  # noqa: F401  # fixtures

NATIVE = ROOT / "tests/documents/native"
HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def page(server, **headers):
    return server.client.get("/", headers={**HTML, **headers})


def form_of(text):
    """Return what the page gives its form."""
    return json.loads(re.search(r'<script type="application/json" id="model">(.*)</script>', text)[1])


@pytest.mark.parametrize(
    "accept", [None, "*/*", "application/json", "text/*", "text/html;q=0", "application/xhtml+xml"]
)
def test_who_does_not_name_html_gets_what_kserve_has_there(server, accept):
    """The answer is the one without pages, byte by byte; caches are told that another caller may get another."""
    answer = server.client.get("/", headers={} if accept is None else {"Accept": accept})

    assert (200, b'{"status":"alive"}', "application/json") == (answer.status_code, answer.data, answer.content_type)
    assert ("Accept", "no-store") == (answer.headers["Vary"], answer.headers["Cache-Control"])


@pytest.mark.parametrize(
    "accept", ["text/html", "TEXT/HTML;level=1", HTML["Accept"], "application/json, text/html;q=0.1"]
)
def test_who_names_html_gets_the_page(server, accept):
    """A browser does; the page may load nothing from elsewhere, run nothing inline, and be framed by nobody."""
    answer = server.client.get("/", headers={"Accept": accept})

    assert (200, "text/html; charset=utf-8") == (answer.status_code, answer.content_type)
    policy = answer.headers["Content-Security-Policy"]
    for each in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"):
        assert each in policy
    assert "unsafe" not in policy
    assert ("nosniff", "no-referrer") == tuple(
        answer.headers[name] for name in ("X-Content-Type-Options", "Referrer-Policy")
    )
    assert "Accept" in answer.headers["Vary"]
    assert not re.search(r"<script(?! type=\"(module|application/json)\")|<style|\sstyle=|\son\w+=", answer.text)


def test_the_page_says_what_the_model_is(server):
    """Name, version, digest, score, library versions and classes are there without JavaScript."""
    text = page(server).text
    digest = server.model.current.loaded.digest

    for fact in ("<title>iris 1</title>", digest, "accuracy", "held-out rows", "scikit-learn 1.", "sepal length (cm)"):
        assert fact in text
    assert "Classifier with 3 classes and 4 features." in text


def test_the_form_is_filled_in_with_a_row_that_works(server):
    """The first example row is answered, and each feature has its distribution in training."""
    form = form_of(page(server).text)
    names = [feature["name"] for feature in form["features"]]
    row = dict(zip(names, form["rows"][0], strict=True))

    assert form["named"]
    assert 200 == server.predict({"instances": [row]}).status_code
    assert [11] * 4 == [len(feature["deciles"]) for feature in form["features"]]
    assert [0, 1, 2] == form["classes"][0]


@pytest.mark.parametrize(
    "name", ["mixed types with missing values", "text", "multi-output classes", "multilabel network"]
)
def test_models_of_all_kinds_have_a_form_that_works(serve, tmp_path, name):
    """Its first row is answered, with the outputs that the page knows by name."""
    case = next(each for each in zoo.pipelines() if each.name == name)
    pack(case.fitted(), tmp_path / "bundle", name="case", data=case.rows)
    server = serve(tmp_path / "bundle")
    form = form_of(page(server).text)

    answer = server.predict({"instances": [form["rows"][0]], "outputs": [each["name"] for each in form["answers"]]})
    assert (200, {each["name"] for each in form["answers"]}) == (answer.status_code, set(answer.json))
    assert {"text": {"text"}}.get(name, {"number", "string", "boolean"}) >= {each["kind"] for each in form["features"]}


def test_a_model_without_an_estimator_has_a_form_that_works(serve, tmp_path):
    """A bundle that holds nothing but a graph was packed without data, and has neither score nor distributions."""
    pack(read_source(NATIVE / "lightgbm-number.txt").estimator, tmp_path / "bundle", name="case")
    server = serve(tmp_path / "bundle")
    form = form_of(page(server).text)

    assert {None} == {feature["deciles"] for feature in form["features"]}
    assert 200 == server.predict({"instances": [form["rows"][0]]}).status_code


def test_everything_that_the_page_names_is_there(server):
    """Its links and files are relative, so that it works below any path, and its files are kept for ever."""
    links = re.findall(r'(?:href|src)="([^"#]+)"', page(server).text)
    files = [link for link in links if link.startswith("static/")]

    assert not [link for link in links if link.startswith(("/", "http"))]
    assert len(files) >= 3
    for file in files:
        answer = server.client.get(f"/{file}")
        assert 200 == answer.status_code
        assert "immutable" in answer.headers["Cache-Control"]
        assert "nosniff" == answer.headers["X-Content-Type-Options"]


def test_modules_import_what_is_served(server):
    """Each import of each module names a file beside it."""
    rules = [rule.rule for rule in server.app.url_map.iter_rules() if rule.rule.endswith(".js")]
    imported = {
        f"{rule.rpartition('/')[0]}/{name}"
        for rule in rules
        for name in re.findall(r'from "\./([^"]+)"', server.client.get(rule).text)
    }

    assert imported
    assert imported <= set(rules)


def test_a_page_that_the_caller_has_is_not_sent_again(server):
    """It has an entity tag, with which 304 is answered, also for the compressed form; another tag gets the page."""
    first = page(server)
    packed = page(server, **{"Accept-Encoding": "gzip"})

    assert "gzip" == packed.headers["Content-Encoding"]
    assert first.headers["ETag"] != packed.headers["ETag"]
    for etag in (first.headers["ETag"], packed.headers["ETag"], f'"other", W/{first.headers["ETag"]}', "*"):
        again = page(server, **{"If-None-Match": etag})
        assert (304, b"") == (again.status_code, again.data)
        assert first.headers["ETag"] == again.headers["ETag"]
        assert "Content-Length" not in again.headers
    assert 200 == page(server, **{"If-None-Match": '"other"'}).status_code
    assert "no-cache" == first.headers["Cache-Control"]


def test_another_model_has_another_page(server):
    """The page is kept as long as the same model is served, and made again for the next one."""
    before = page(server)
    served = server.model.current
    manifest = replace(served.loaded.manifest, version="2")
    server.model.current = replace(served, loaded=replace(served.loaded, manifest=manifest))

    after = page(server, **{"If-None-Match": before.headers["ETag"]})
    assert (200, True) == (after.status_code, "<title>iris 2</title>" in after.text)


def test_pages_are_turned_off(serve):
    """With PAGES=0 a browser gets what everybody gets, and there are no files."""
    static = [rule.rule for rule in serve().app.url_map.iter_rules() if rule.rule.startswith("/static/")]
    server = serve(PAGES="0")

    answer = server.client.get("/", headers=HTML)
    assert (b'{"status":"alive"}', None) == (answer.data, answer.headers.get("Vary"))
    assert {404} == {server.client.get(path).status_code for path in static}


def test_who_has_no_token_gets_a_page_without_facts(guarded):  # noqa: F811  # the fixture
    """A browser is asked for a token; it learns neither the model's name nor its version."""
    answer = page(guarded)

    assert (200, True) == (answer.status_code, "This model needs a token" in answer.text)
    assert "iris" not in answer.text
    assert "X-Model-Version" not in answer.headers
    assert "Authorization" in answer.headers["Vary"]
    for file in re.findall(r'(?:href|src)="(static/[^"]+)"', answer.text):
        assert 200 == guarded.client.get(f"/{file}").status_code


def test_who_has_a_token_gets_the_page_with_it(guarded):  # noqa: F811  # the fixture
    """The page fetches itself again with the token; a wrong token is refused as everywhere."""
    text = page(guarded, Authorization=f"Bearer {TOKENS[0]}").text

    assert "<title>iris 1</title>" in text
    assert ["docs"] == re.findall(r'href="(docs|openapi.json|metrics)"', text)  # a link to the others has no token
    assert 401 == page(guarded, Authorization="Bearer wrong").status_code
    assert 401 == guarded.client.get("/").status_code


def test_metrics_are_linked_where_they_are(serve):
    """With an address for administrators, the page of callers has no link to them."""
    assert 'href="metrics"' in page(serve()).text
    assert 'href="metrics"' not in page(serve(ADMIN_BIND="127.0.0.1:9000")).text


def test_what_is_never_logged_is_not_shown(serve):
    """Of a feature in LOG_REDACT, neither a row's value nor the distribution is on the page."""
    form = form_of(page(serve(LOG_REDACT="petal width (cm)")).text)
    hidden = form["features"][3]

    assert (True, None, None) == (hidden["hidden"], hidden["deciles"], hidden["shares"])
    assert {None} == {row[3] for row in form["rows"]}
    assert form["features"][2]["deciles"] is not None
