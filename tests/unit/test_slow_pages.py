"""service.server.dispatch.Pages: which pages the main loop leaves to threads."""

from types import SimpleNamespace

import pytest

from service.server.dispatch import Pages

PAGES = Pages(frozenset({"/", "/ping"}), frozenset({"/metrics"}), frozenset({"/", "/openapi.json"}))


@pytest.mark.parametrize(
    ("path", "accept", "slow"),
    [
        ("/", "text/html,*/*;q=0.8", True),
        ("/", "TEXT/HTML", True),
        ("/", "*/*", False),
        ("/", None, False),
        ("/ping", "text/html", False),
        ("/openapi.json", None, True),
        ("/metrics", None, True),
        ("/model", "text/html", False),
    ],
)
def test_documents_and_scrapes_are_left_to_threads(path, accept, slow):
    """A document is made when it is first asked for, which takes long; a health check at its path is quick as ever."""
    request = SimpleNamespace(path=path, fields={} if accept is None else {"HTTP_ACCEPT": accept})

    assert slow == PAGES.take_long(request)
