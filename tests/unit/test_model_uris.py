"""model.storage.uris: what is a URI of a bundle, and what may be said of it."""

import re

import pytest

from model.storage.uris import ModelUri, without_secrets


@pytest.mark.parametrize(
    "uri",
    [
        "s3://",
        "s3:///path",
        "s3://key:word@bucket/x",
        "s3://bucket/../x",
        "s3://bucket/%2e%2e/x",
        "ftp://host/x",
        "https://",
        "https://host:0/x",
        "file://host/x",
        "file:///x%00",
        "models:/name",
        "models:/name/latest",
        "churn",
        "s3://bucket/a b",
    ],
)
def test_a_uri_that_is_none_is_refused(uri):
    """Before anything is asked; dot segments lead nowhere."""
    with pytest.raises(ValueError, match=re.escape(uri)):
        ModelUri.of(uri)


def test_what_is_said_of_a_uri_has_no_secrets():
    """Users, passwords, queries: also in the words of others."""
    uri = ModelUri.of("https://me:wo@rd@host/churn?sig=rd#rd")

    assert ["https://host/churn"] * 2 == [str(uri), without_secrets(uri.full)]
    assert "rd" not in repr(uri)
    assert "GET https://host/x 403" == without_secrets("GET https://a:b@host/x?sig=c 403")
    assert "models:/churn@champion" == str(ModelUri.of("models:/churn@champion"))
