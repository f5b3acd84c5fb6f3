"""What is shipped can be checked by the tools that others use: the image's parts, signatures, known vulnerabilities."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest

from tests.conftest import ROOT
from tests.keys import make_key
from tests.system.containers import docker

pytestmark = pytest.mark.image
TOOLS = ROOT / ".venv-supply/bin"
SBOM = "/usr/share/sbom/ml-service.cdx.json"
INSTALLED = "import importlib.metadata as m; print(*(f'{d.name} {d.version}' for d in m.distributions()), sep='\\n')"


def tool(name, *arguments):
    return subprocess.run([TOOLS / name, *map(str, arguments)], capture_output=True, text=True, check=False)


def ours(*arguments):
    """Run a command of ours and return its exit code."""
    command = [sys.executable, "-m", "model", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode


def inside(image, *command):
    """Return the lines that a command prints in the image."""
    return docker("run", "--rm", "--network", "none", "--entrypoint", command[0], image, *command[1:]).splitlines()


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def parts(image):
    owner, printed = inside(image, "sh", "-c", f"stat -c %u:%a {SBOM} && cat {SBOM}")
    assert "0:644" == owner
    return json.loads(printed)


def test_the_bill_of_materials_is_valid(image, parts, tmp_path):
    """By CycloneDX's schema; a label says where it is, and `make sbom` prints it."""
    (tmp_path / "sbom.json").write_text(json.dumps(parts))
    done = tool("python", ROOT / "tests/supply/validate_sbom.py", tmp_path / "sbom.json")

    assert (0, "") == (done.returncode, done.stderr)
    assert SBOM == json.loads(docker("inspect", "--format", "{{json .Config.Labels}}", image))["ml-service.sbom"]


def test_the_bill_of_materials_has_each_distribution_and_each_debian_package(image, parts):
    """With the versions that are installed, and nothing of Python that is not: the tools that listed them are not."""
    distributions = {
        (normal(name), version) for name, version in map(str.split, inside(image, "python", "-c", INSTALLED))
    }
    debian = [
        line.split() for line in inside(image, "dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}\n")
    ]
    found = {each["purl"] for each in parts["components"] if "purl" in each}

    assert {f"pkg:pypi/{name}@{version}" for name, version in distributions} == {
        purl for purl in found if purl.startswith("pkg:pypi/")
    }
    assert 50 < len(debian)
    expected = {f"pkg:deb/debian/{quote(name)}@{quote(version, ':~')}?arch={arch}" for name, version, arch in debian}
    assert set() == expected - found


def test_the_bill_of_materials_has_the_digests_of_the_wheels_and_what_these_contain(parts):
    """Each digest is one of requirements.txt; libraries inside wheels are listed where the wheels list them."""
    locked = set(re.findall("sha256:([0-9a-f]{64})", (ROOT / "requirements.txt").read_text()))
    python = [each for each in parts["components"] if each.get("purl", "").startswith("pkg:pypi/")]
    digests = [
        [digest["content"] for reference in each["externalReferences"] for digest in reference.get("hashes", ())]
        for each in python
    ]

    assert {1} == {len(each) for each in digests}
    assert {digest for (digest,) in digests} <= locked
    assert all("licenses" in each for each in python if each["name"] in {"numpy", "scikit-learn", "Flask"})
    (sklearn,) = [each for each in python if each["name"] == "scikit-learn"]
    assert any("libgomp" in each["name"] for each in sklearn["components"])
    kinds = {each["type"] for each in parts["components"]}
    assert {"library", "platform", "operating-system", "machine-learning-model"} <= kinds


@pytest.fixture
def bundle(iris_bundle, tmp_path):
    return shutil.copytree(iris_bundle, tmp_path / "bundle")


def test_the_standard_tool_verifies_what_we_sign(bundle, tmp_path):
    """And refuses it with a byte changed."""
    private, public = make_key(tmp_path, curve="secp384r1")
    assert 0 == ours("sign", bundle, "--key", private)
    verify = ("verify", "key", bundle, "--signature", bundle / "model.sig", "--public_key", public)

    assert 0 == tool("model_signing", *verify).returncode
    (bundle / "manifest.json").write_text((bundle / "manifest.json").read_text() + " ")
    assert 0 != tool("model_signing", *verify).returncode


def test_we_verify_what_the_standard_tool_signs(bundle, tmp_path):
    """And refuse it with a byte changed."""
    private, public = make_key(tmp_path)
    sign = ("sign", "key", bundle, "--signature", bundle / "model.sig", "--private_key", private)

    assert 0 == tool("model_signing", *sign).returncode
    assert 0 == ours("inspect", bundle, "--signature-key", public)
    (bundle / "manifest.json").write_text((bundle / "manifest.json").read_text() + " ")
    assert 1 == ours("inspect", bundle, "--signature-key", public)


def test_the_image_loads_signed_models_only_where_a_key_says_so(image, bundle, tmp_path):
    """Confined as it is run: the program that verifies is in it, and needs no place to write."""
    private, public = make_key(tmp_path)
    check = ("-m", "gunicorn", "--check-config")

    def start(**environ):
        strict = ["--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--user", "12345:0"]
        mounts = ["--volume", f"{bundle}:/model:ro", "--volume", f"{public}:/keys/public.pem:ro"]
        given = [word for name, value in environ.items() for word in ("--env", f"{name}={value}")]
        command = [os.environ.get("DOCKER", "docker"), "run", "--rm", *strict, *mounts, *given]
        done = subprocess.run([*command, "--entrypoint", "python", image, *check], capture_output=True, check=False)
        return done.returncode, done.stderr.decode()

    subprocess.run(["chmod", "-R", "a+rX", bundle], check=True)
    unsigned = start(MODEL_SIGNATURE_KEY="/keys/public.pem")
    assert 0 == ours("sign", bundle, "--key", private)
    signed = start(MODEL_SIGNATURE_KEY="/keys/public.pem")

    assert 0 != unsigned[0]
    assert "ml-service: bundle_not_signed: " in unsigned[1]
    assert 0 == signed[0]


class Database(BaseHTTPRequestHandler):
    """Answers as OSV does, from the recorded advisories."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = json.loads((ROOT / "tests/supply/advisories.json").read_text())
        answer = json.dumps(known.get(f"{asked['package']['name']} {asked['version']}", {})).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def database():
    with ThreadingHTTPServer(("127.0.0.1", 0), Database) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


def audit(url, *files):
    command = ["make", "--no-print-directory", "audit", f"AUDIT_URL={url}", f"AUDITED={' '.join(map(str, files))}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_audit_finds_a_known_vulnerability_of_a_pinned_package(database, tmp_path):
    """Here by a recorded answer; what has none passes."""
    pinned = tmp_path / "requirements.txt"
    pinned.write_text(f"requests==2.19.0 --hash=sha256:{'0' * 64}\n")

    found, nothing = audit(database, pinned), audit(database, "requirements-compiled.txt")

    assert 0 != found.returncode
    assert re.search(r"requests +2\.19\.0 +PYSEC-2018-28 +2\.20\.0", found.stdout)
    assert (0, "No known vulnerabilities found\n") == (nothing.returncode, nothing.stderr)


def test_an_audit_without_its_database_fails():
    """It does not pass in silence."""
    assert 0 != audit("http://127.0.0.1:9/v1/query", "requirements-compiled.txt").returncode
