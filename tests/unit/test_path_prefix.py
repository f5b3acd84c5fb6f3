"""service.http.request: the path below which a proxy says it has the service."""

import pytest
from werkzeug.test import create_environ

from service.http.request import Request


def prefix(value):
    return Request(create_environ(headers={"X-Forwarded-Prefix": value})).path_prefix


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/models/churn", "/models/churn"),
        ("/models/churn/", "/models/churn"),
        ("/a.b_c~d-e/..f", "/a.b_c~d-e/..f"),
        ("/", ""),
        ("", ""),
        ("models", ""),
        ("//elsewhere.example", ""),
        ("/a//b", ""),
        ("/a/../b", ""),
        ("/a/.", ""),
        ("/a, /b", ""),
        ("/a?b", ""),
        ("/a%2fb", ""),
        ("/<script>", ""),
        ("/é", ""),
        ("/" + "a" * 199, "/" + "a" * 199),
        ("/" + "a" * 200, ""),
        ("/a" * 100, "/a" * 100),
        ("/a" * 101, ""),
    ],
)
def test_a_prefix_is_a_path_that_needs_no_quoting_and_leads_nowhere_else(value, expected):
    """Whatever else the header has counts as no prefix."""
    assert expected == prefix(value)
