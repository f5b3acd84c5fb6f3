"""Clients that public generators make from the document: they call the service, and get what the estimator says."""

import json
import re

import pytest

from tests.conftest import ROOT
from tests.system.openapi.bundles import NAMES
from tests.system.openapi.conftest import PROGRAMS, use

pytestmark = pytest.mark.openapi
PAGE = (ROOT / "docs/clients.md").read_text()
SHELL, PYTHON = (re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) for kind in ("console", "python"))
(GENERATE,) = re.findall(r"^\$ openapi-python-client (.*)$", "\n".join(SHELL), re.MULTILINE)
(MODELS,) = re.findall(r"^\$ datamodel-codegen (.*)$", "\n".join(SHELL), re.MULTILINE)
# The generator's own client.py does not pass, whatever the document; nor does what it makes of a union of two lists, as
# of columns of values or of lists with one: other protocols have those. It names variables of two members alike.
RENAMED = ("--disable-error-code", "no-redef")
TYPED = ("api/native/*.py", "api/operations/*.py", "models/row*", "models/pr*", "models/model*", "models/label*")


@pytest.fixture
def generate(tmp_path):
    """Make a client of a server by the command that docs/clients.md has, in a folder."""

    def make(server):
        words = GENERATE.replace("localhost:8000", f"127.0.0.1:{server.port}").split()
        use("openapi-python-client", *words, folder=tmp_path)
        return tmp_path

    return make


@pytest.fixture(scope="session")
def check_types(tmp_path_factory):
    """Check files of a folder with mypy, which keeps what it has found of the libraries."""
    cache = tmp_path_factory.mktemp("mypy")

    def check(folder, *arguments):
        words = ("--strict", "--follow-imports", "silent", "--cache-dir", cache)
        use("mypy", *words, *arguments, folder=folder)

    return check


@pytest.mark.parametrize("name", NAMES)
def test_a_generated_client_gets_the_right_answers(serve, packed, generate, check_types, name):
    """With typed rows, one and many, typed errors, the model and its health; and it passes mypy."""
    model = packed(name)
    server = serve(model.bundle)
    folder = generate(server)
    address = f"http://127.0.0.1:{server.port}"

    found = json.loads(use("python", PROGRAMS / "typed_client.py", address, model.expected, folder=folder))

    said = model.said
    assert said["predictions"] == found["many"]["predictions"]
    assert flat(said.get("probabilities", [])) == pytest.approx(flat(found["many"].get("probabilities", [])), rel=1e-9)
    assert said["predictions"][0] == found["one"]["prediction"] == found["one_by_position"]["prediction"]
    assert ("wrong_feature_count", 422) == (found["error"]["code"], found["error"]["status"])
    assert (name, said["names"]) == (found["model"]["name"], [each["name"] for each in found["model"]["features"]])
    assert {"status": "ok"} == found["health"]
    assert found["modules"] > 200  # of all protocols: what could not be made would not be importable
    types = {"one": "PredictedOne", "many": "PredictedMany", "error": "Problem", "model": "Model"}
    assert types == {part: found["types"][part] for part in types}
    check_types(folder, *RENAMED, *(path for each in TYPED for path in (folder / "client").glob(each)))


def flat(values):
    """Return the numbers of nested lists."""
    return [number for value in values for number in flat(value)] if isinstance(values, list) else [values]


def test_the_documented_client_works(serve, generate, check_types):
    """The commands and the code of docs/clients.md give a prediction of iris, and the code passes mypy."""
    server = serve()
    folder = generate(server)
    (code,) = PYTHON
    (folder / "example.py").write_text(code.replace("localhost:8000", f"127.0.0.1:{server.port}"))

    label, _, probability = use("python", "example.py", folder=folder).partition(" ")

    _, answer = server.predict({"features": [5.1, 3.5, 1.4, 0.2]})
    assert answer == {"prediction": int(label), "probability": float(probability)}
    check_types(folder, "example.py")


def test_pydantic_models_take_what_the_server_takes(serve, packed, tmp_path):
    """Rows that the server takes are valid, its answers are too, and a category that it refuses is not."""
    model = packed("mixed")
    server = serve(model.bundle)
    with server.connect() as connection:
        (tmp_path / "openapi.json").write_bytes(connection.ask("GET", "/openapi.json")[2])
    use("datamodel-codegen", *MODELS.split(), "--formatters", "ruff-format", folder=tmp_path)

    found = json.loads(
        use("python", PROGRAMS / "pydantic_models.py", f"127.0.0.1:{server.port}", model.expected, folder=tmp_path)
    )

    assert {"predictions": model.said["predictions"], "refused": ["class"]} == found
