"""The image without scikit-learn: what is not in it, how small it is, and that it answers what scikit-learn would."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.system.containers import docker, expected_rooms, rooms

pytestmark = pytest.mark.image
COMPILED, PLAIN = "ml-service:test-compiled", "ml-service-plain-fastapi:test"
PAGE = ROOT / "docs/operations.md"
ABSENT = ("sklearn", "scipy", "skops", "joblib", "onnx", "pandas")
FIND = f"from importlib.util import find_spec; print([name for name in {ABSENT} if find_spec(name)])"
# Loads each bundle as the server does, and predicts each case's rows.
ANSWER = """
import json, sys
from pathlib import Path
from model.loading import load, verify, make_rows
from model.predictor import Predictor
listed = lambda found: list(zip(*(each.tolist() for each in found))) if isinstance(found, tuple) else found.tolist()
for place in sorted(Path("/cases").iterdir(), key=lambda place: int(place.name)):
    loaded = load(place / "bundle")
    verify(loaded)
    rows = json.loads((place / "case.json").read_text())["rows"]
    found = Predictor(loaded).predict(make_rows(rows, loaded.manifest.signature))
    probabilities = None if found.probabilities is None else listed(found.probabilities)
    print(json.dumps([loaded.engine.name, found.labels.tolist(), probabilities]))
"""


@pytest.fixture(scope="module")
def compiled(clone):
    docker("build", "--network", "host", "--target", "serve-compiled", "--tag", COMPILED, str(clone))
    return COMPILED


def in_image(image, program, *options):
    return docker("run", "--rm", "--read-only", *options, "--entrypoint", "python", image, "-c", program)


def flat(value):
    """Yield every number of nested lists."""
    for each in value or []:
        yield from flat(each) if isinstance(each, list) else [each]


def test_it_holds_no_scikit_learn_and_is_smaller_by_a_quarter_than_a_plain_server_of_the_same_model(compiled, clone):
    """Than the plain FastAPI image on the same base; docs/operations.md states the size."""
    docker("build", "--network", "host", "--tag", PLAIN, str(clone / "benchmarks/fastapi"))
    ours, plain = (int(docker("inspect", "--format", "{{.Size}}", image)) for image in (compiled, PLAIN))

    assert "[]" == in_image(compiled, FIND)
    assert ours <= 0.75 * plain
    assert any(f"{round(ours / 1e6) + off} MB" in PAGE.read_text() for off in (-2, -1, 0, 1, 2)), ours


def test_it_holds_the_rooms_that_serving_compiled_models_needs(compiled):
    """The whole service; of the model neither packing, the export to ONNX nor what runs scikit-learn."""
    assert expected_rooms("bundle", "commands", "engines", "storage") == rooms(compiled)


def test_it_serves_the_reference_model_and_becomes_healthy(compiled):
    """Started as it is, by its own entrypoint."""
    name = docker("run", "--detach", "--read-only", "--tmpfs", "/tmp", compiled)
    try:
        ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/model').read().decode())"
        command = [os.environ.get("DOCKER", "docker"), "exec", name, "sh", "-c"]
        wait = (
            f'for i in $(seq 100); do python -m service.server.healthcheck && break; sleep 0.1; done; python -c "{ask}"'
        )
        model = subprocess.run([*command, wait], capture_output=True, check=True, timeout=60).stdout
        assert "onnx" == json.loads(model)["engine"]
    finally:
        docker("rm", "--force", name)


def test_every_model_that_compiles_answers_in_it_what_scikit_learn_answers(compiled, tmp_path):
    """The rows of docs/conformance.md: labels equal, numbers within a millionth."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.compiledcases", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    folders = sorted(tmp_path.iterdir(), key=lambda place: int(place.name))
    cases = [json.loads((place / "case.json").read_text()) for place in folders]

    tmp_path.chmod(0o755)  # pytest's are for their owner only; the image's user is another
    answers = in_image(compiled, ANSWER, "--volume", f"{tmp_path}:/cases:ro").splitlines()

    assert len(cases) == len(answers) >= 100
    for case, line in zip(cases, answers, strict=True):
        engine, labels, probabilities = json.loads(line)
        assert "onnx" == engine
        near = pytest.approx(list(flat(case["labels"])), rel=1e-6, abs=1e-6) if _numbers(labels) else case["labels"]
        assert near == (list(flat(labels)) if _numbers(labels) else labels), case["name"]
        assert pytest.approx(list(flat(case["probabilities"])), abs=1e-6) == list(flat(probabilities)), case["name"]


def _numbers(labels):
    return all(isinstance(each, float) for each in flat(labels))
