"""The overlay of object storage on a Kubernetes of three nodes: an init container fetches the model from a real S3."""

import json

import pytest

from tests.system.conftest import Connection, eventually
from tests.system.kubernetes.control import ADDRESS
from tests.system.kubernetes.programs import program
from tests.system.kubernetes.release import Release, limits, settings
from tests.system.networks import NAMESPACES, inside
from tests.system.reliability.load import ask
from tests.system.storage.servers import PYTHON, S3

pytestmark = pytest.mark.kubernetes
SETTLED = 240.0
PORT = 5000
BUCKET, WANTED = "models", "s3://models/fraud/7"


@pytest.fixture(scope="module")
def bucket(api, models, tmp_path_factory):
    """Run an S3 server (moto) that has the bundle which the overlay names."""
    server = S3(PORT)
    command = (PYTHON / "bin/moto_server", "-H", "0.0.0.0", "-p", PORT)
    folder = tmp_path_factory.mktemp("s3")
    with program(api.place, folder, *command):
        eventually(lambda: "Running on" in (folder / "moto_server.log").read_text(), "S3", SETTLED)
        inside(NAMESPACES / api.place, server.create, BUCKET)
        for path in sorted((models / "2").iterdir()):
            inside(NAMESPACES / api.place, server.put, BUCKET, f"/fraud/7/{path.name}", path.read_bytes())
        yield server


def one_cpu(text):
    """Change the limits of the server to one CPU and 384 MiB, as an overlay of somebody's own would."""
    return text.replace('{"cpu": "2", "memory": "512Mi"}', '{"cpu": "1", "memory": "384Mi"}')


@pytest.fixture(scope="module")
def fraud(api, images, bucket):
    """Apply the overlay; KEDA, which would ask for two pods, does not run, so there is one."""
    found = Release(api, "overlays/object-storage", images)
    variables = bucket.environ(f"http://{ADDRESS}:{PORT}")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ml-service-storage"}, "stringData": variables}
    found.kubectl("apply", "--filename=-", document=[secret])
    found.apply("1", one_cpu)
    eventually(lambda: len(found.ready()) == 1 and found.settled(), "a pod", SETTLED)
    yield found
    found.delete()


def test_the_model_is_in_place_before_the_server_starts(fraud, joined):
    """The image has version 1 in it, and version 2 is fetched and served; only the fetch has the credentials."""
    name, pod = fraud.pods().popitem()
    (init,) = pod["status"]["initContainerStatuses"]
    connection = Connection(80, fraud.address())
    served = inside(NAMESPACES / joined[0].place, ask, connection)
    connection.raw.close()
    seen = fraud.kubectl("exec", name, "--", "env")

    assert ("Completed", 0) == (init["state"]["terminated"]["reason"], init["restartCount"])
    assert (200, "2") == (served.status, served.version)
    assert "AWS_SECRET_ACCESS_KEY" not in seen


def test_the_server_follows_its_limits_and_not_the_node(fraud):
    """One CPU of the node's two is a quota of the kernel, and one worker."""
    name, pod = fraud.pods().popitem()

    assert (1, 384) == limits(pod)
    assert "WEB_CONCURRENCY=1" in settings(fraud, name)


def test_a_model_that_is_not_there_stalls_the_rollout_and_is_undone(fraud, watched):
    """The new pod never starts its server, its log says why, and the old pod serves on."""
    (before,) = fraud.ready()
    with watched(fraud):
        fraud.apply("1", lambda text: one_cpu(text).replace(json.dumps(WANTED), json.dumps("s3://models/fraud/8")))
        (broken,) = eventually(lambda: fraud.pods().keys() - {before}, "a pod of the missing model", SETTLED)
        eventually(lambda: tries(fraud, broken) >= 2, "tried again", SETTLED)
        eventually(lambda: fraud.says(broken, "s3://models/fraud/8", "--container=fetch"), "its reason", SETTLED)
        stalled = fraud.ready()
        fraud.kubectl("rollout", "undo", fraud.deployment)
        eventually(fraud.rolled_out, "undone", SETTLED)

    assert {before} == stalled == fraud.ready()


def tries(release, name):
    """Return how often the init container of a pod was started again."""
    statuses = release.pods()[name]["status"].get("initContainerStatuses")
    return statuses[0]["restartCount"] if statuses else 0
