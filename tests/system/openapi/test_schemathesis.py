"""Schemathesis: what the document allows is accepted, what it forbids is refused, and each answer is as it says."""

import pytest

from tests.system.openapi.bundles import NAMES
from tests.system.openapi.settings import SETTINGS

pytestmark = pytest.mark.openapi
LEAST = 2_000  # requests for each model
# Each route of a version has one without. Where there are fewest requests, both are asked.
UNVERSIONED = ("--exclude-path-regex", "/versions/")
SHORT = ("--max-examples", "3", *UNVERSIONED)
FEW = ("--phases", "examples,fuzzing")  # the other runs have the boundary values
TOGETHER = ("extra columns", "missing columns", "row ids")  # with all policies
ONLY = {
    "no pages": ("--include-tag", "operations"),
    "Vertex AI": ("--include-tag", "Vertex AI", "--include-tag", "operations"),
}
# Settings for which the kinds of a model's columns matter.
OF_COLUMNS = {"IGNORE_EXTRA_COLUMNS", "MISSING_COLUMNS", "ROW_ID"}


@pytest.mark.parametrize("name", NAMES)
def test_document_and_server_agree(serve, packed, explore, name):
    """Examples, boundary values, random requests that are valid and invalid: no check fails."""
    model = packed(name)
    found = explore(serve(model.bundle), model, "--max-examples", "10", *(() if name == "text" else UNVERSIONED))

    assert [] == found.failures, found.output
    assert found.count >= LEAST


@pytest.mark.parametrize("name", [name for name in SETTINGS if name not in TOGETHER])
def test_document_and_server_agree_with_settings(serve, packed, explore, name):
    """The document says what the settings change of requests, answers and routes."""
    settings = SETTINGS[name]
    model = packed("mixed" if OF_COLUMNS & settings.keys() else "iris")
    found = explore(serve(model.bundle, **settings), model, *SHORT, *FEW, *ONLY.get(name, ()), **settings)

    assert [] == found.failures, found.output


def test_document_and_server_agree_where_access_is_limited(serve_with_token, packed, explore):
    """With a token all is as without limits; and no route that the document says needs one answers without."""
    found = explore(serve_with_token("secret"), packed("iris"), *SHORT, token="secret")

    assert [] == found.failures, found.output
