"""Schemathesis: what the document allows is accepted, what it forbids is refused, and each answer is as it says."""

import pytest

from tests.system.openapi.bundles import NAMES
from tests.system.openapi.settings import SETTINGS

pytestmark = pytest.mark.openapi
LEAST = 300  # requests for each model
DESCRIBED = ("--include-tag", "native", "--include-tag", "operations")


@pytest.mark.parametrize("name", NAMES)
def test_document_and_server_agree(serve, packed, explore, name):
    """Examples, boundary values, random requests that are valid and invalid, and sequences: no check fails."""
    model = packed(name)
    found = explore(serve(model.bundle), model, *DESCRIBED, "--max-examples", "100")

    assert [] == found.failures
    assert found.count >= LEAST


@pytest.mark.parametrize("name", SETTINGS)
def test_document_and_server_agree_with_settings(serve, packed, explore, name):
    """The document says what the settings change of requests, answers and routes."""
    model, settings = packed("mixed"), SETTINGS[name]
    found = explore(serve(model.bundle, **settings), model, *DESCRIBED, "--max-examples", "10", **settings)

    assert [] == found.failures


def test_document_and_server_agree_where_access_is_limited(serve_with_token, packed, explore):
    """With a token all is as without limits; and no route that the document says needs one answers without."""
    token = ("--header", "Authorization: Bearer secret")
    found = explore(serve_with_token("secret"), packed("mixed"), *DESCRIBED, "--max-examples", "10", *token)

    assert [] == found.failures
