"""https:// as a place of bundles: only a server whose certificate is trusted is believed."""

import ssl
import subprocess

import pytest

from model.errors import StorageDenied
from model.storage.fetching import Fetch
from model.storage.places import Access
from model.storage.uris import ModelUri
from tests.webfolder import WebFolder, serving


@pytest.fixture
def certificate(tmp_path):
    """Make a certificate of this machine: its file, and that of its key."""
    key, made = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", made, *names]
    subprocess.run(command, check=True, capture_output=True)
    return made, key


def test_a_server_is_believed_if_its_certificate_is_trusted(iris_bundle, certificate, tmp_path, monkeypatch):
    """SSL_CERT_FILE names who is; else one line says that nobody does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with serving(WebFolder(iris_bundle), context) as web:
        uri = ModelUri.of(f"https://127.0.0.1:{web.port}/churn")
        fetch = Fetch(uri, tmp_path / "here", Access({}, 20.0), 1 << 30)

        with pytest.raises(StorageDenied, match=r"certificate is not trusted .*SSL_CERT_FILE"):
            fetch.run()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))

        assert fetch.run().replaced
