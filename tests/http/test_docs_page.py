"""The page at `/docs`, and the files of Swagger UI that it is made of."""

import re
from importlib.metadata import version

import pytest

from tests.http.test_access import TOKENS, guarded, tokens_file  # noqa: F401  # fixtures

SWAGGER = f"/static/swagger-ui-{version('flask-swagger-ui')}"
BUNDLE = f"{SWAGGER}/swagger-ui-bundle.js"


def files_of(text):
    return re.findall(r'(?:href|src)="(static/[^"]+)"', text)


def test_the_page_loads_nothing_but_files_of_its_own_and_says_nothing_of_the_model(server):
    """Its policy is that of all pages, its links are relative, and whoever has the page is not sent it again."""
    answer = server.client.get("/docs")
    links = re.findall(r'(?:href|src)="([^"]+)"', answer.text)

    assert (200, "text/html; charset=utf-8") == (answer.status_code, answer.content_type)
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "iris" not in answer.text
    assert not [link for link in links if link.startswith(("/", "http"))]
    assert not re.search(r"<script(?! (src|type=\"module\") ?=?)|<style|\sstyle=|\son\w+=", answer.text)
    assert 304 == server.client.get("/docs", headers={"If-None-Match": answer.headers["ETag"]}).status_code


def test_its_files_are_kept_for_ever(server):
    """Each path has a version or a digest in it; who accepts gzip gets that."""
    files = files_of(server.client.get("/docs").text)

    assert BUNDLE.removeprefix("/") in files
    for file in files:
        answer = server.client.get(f"/{file}", headers={"Accept-Encoding": "gzip"})
        assert (200, "nosniff") == (answer.status_code, answer.headers["X-Content-Type-Options"])
        assert "immutable" in answer.headers["Cache-Control"]
    packed = server.client.get(BUNDLE, headers={"Accept-Encoding": "gzip"})
    assert "gzip" == packed.headers["Content-Encoding"]
    assert 500_000 > len(packed.data)
    assert b"SwaggerUIBundle" in server.client.get(BUNDLE).data


@pytest.mark.parametrize(
    "path",
    [
        f"{SWAGGER}/swagger-ui.js",
        f"{SWAGGER}/VERSION",
        f"{SWAGGER}/../swagger-ui-bundle.js",
        f"{SWAGGER}/..%2f..%2f__init__.py",
        f"{SWAGGER}/%2e%2e/__init__.py",
        f"{SWAGGER}//swagger-ui.css",
        f"{SWAGGER}/",
        "/static/swagger-ui-0.0.0/swagger-ui.css",
        "/static/../../../etc/passwd",
        "/docs/",
    ],
)
def test_only_a_fixed_table_of_files_is_served(server, path):
    """No path leads to another file, however it is written."""
    assert 404 == server.client.get(path).status_code


def test_pages_that_are_turned_off_have_no_docs(serve):
    """With PAGES=0 there is neither the page nor its files; the document is there."""
    client = serve(PAGES="0").client

    assert [404, 404, 200] == [client.get(path).status_code for path in ("/docs", BUNDLE, "/openapi.json")]


def test_who_has_no_token_gets_a_page_that_asks_for_it(guarded):  # noqa: F811  # the fixture
    """The page and its files are for everybody, the document is not."""
    answer = guarded.client.get("/docs")

    assert (200, True) == (answer.status_code, 'id="token"' in answer.text)
    assert "X-Model-Version" not in answer.headers
    assert {200} == {guarded.client.get(f"/{file}").status_code for file in files_of(answer.text)}
    assert 401 == guarded.client.get("/openapi.json").status_code
    assert 200 == guarded.client.get("/openapi.json", headers={"Authorization": f"Bearer {TOKENS[0]}"}).status_code
