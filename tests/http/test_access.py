"""Bearer tokens and the admin address: who is answered, and what nobody else learns."""

import hashlib
import re

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from model.packing.pack import pack
from service.config.settings import SettingError
from service.serving.tokens_file import read_hashes
from tests.badinput import ROW

TOKENS = ("first token", "s3cret-T0ken.with~chars+/==")


def hashed(token):
    return hashlib.sha256(token.encode()).hexdigest()


@pytest.fixture
def tokens_file(tmp_path):
    path = tmp_path / "tokens"
    path.write_text(f"# whose\n{hashed(TOKENS[0])}\n\nsha256:{hashed(TOKENS[1]).upper()}  the batch job\n")
    return path


@pytest.fixture
def guarded(serve, tokens_file):
    return serve(TOKENS_FILE=str(tokens_file))


@pytest.mark.parametrize("token", TOKENS)
def test_who_has_a_token_is_let_in(guarded, token):
    """Each token of the file, however the scheme is written (RFC 9110, 11.1)."""
    for scheme in ("Bearer", "bearer"):
        assert 200 == guarded.predict({"features": ROW}, Authorization=f"{scheme} {token}").status_code


WRONG = [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", TOKENS[0], "Bearer ä"]
WRONG += [f"Bearer {TOKENS[0]}x", f"Bearer {hashed(TOKENS[0])}"]


@pytest.mark.parametrize("given", WRONG)
def test_who_has_none_is_told_so_and_counted(guarded, given):
    """401 with WWW-Authenticate; the hash of a token is no token; one count and one log line of the code."""
    headers = {} if given is None else {"Authorization": given}
    answer = guarded.predict({"features": ROW}, **headers)

    assert (401, "unauthorized") == (answer.status_code, answer.json["code"])
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="ml-service"')
    assert 1 == guarded.metric("requests_total", protocol="native", code="unauthorized")
    assert ["unauthorized"] == [line["code"] for line in guarded.logged()]
    assert all(str(given) not in str(line) for line in guarded.logged() if given)


@pytest.mark.parametrize("path", ["/model", "/metrics", "/nowhere", "/v2/models/stats", "/v1/models", "/version", "/"])
def test_all_routes_but_health_checks_are_guarded(guarded, path):
    """A load balancer has no token; and who has none does not learn which routes there are."""
    assert 401 == guarded.client.get(path).status_code
    for health in ("/health", "/health/live", "/health/ready", "/__heartbeat__", "/__lbheartbeat__"):
        assert 200 == guarded.client.get(health).status_code


def test_who_has_no_token_does_not_learn_which_routes_are_answered_elsewhere(serve, tokens_file):
    """The token is asked for first."""
    server = serve(TOKENS_FILE=str(tokens_file), ADMIN_BIND="127.0.0.1:9000")
    server.auth.admin = ("127.0.0.1", "9000")

    assert {401} == {server.client.get(path).status_code for path in ("/metrics", "/v2/models/stats", "/nowhere")}


@pytest.mark.parametrize("content", ["", "# nobody\n", "secret\n", f"{'a' * 63}\n", f"{'a' * 64}\nrubbish\n", None])
def test_a_file_that_is_wrong_is_refused(tmp_path, content):
    """A line that is no hash may be a token in the clear, or a typing error that locks somebody out."""
    path = tmp_path / "tokens"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingError, match="TOKENS_FILE="):
        read_hashes(path)


@pytest.fixture(scope="module")
def confidential(tmp_path_factory):
    """Pack a model whose name, version and features occur in no answer by chance; return its bundle."""
    bundle = tmp_path_factory.mktemp("models") / "bundle"
    rows, labels = load_iris(return_X_y=True, as_frame=True)
    rows.columns = ["zq-feature-1", "zq-feature-2", "zq-feature-3", "zq-feature-4"]
    model = LogisticRegression(max_iter=1000).fit(rows, labels)
    pack(model, bundle, name="zq-model", version="zq-version", data=rows)
    return bundle


def routes(server, model, version):
    """Return every path that the server has, with this model and version in it, and a few that it does not have."""
    rules = [rule.rule for rule in server.app.url_map.iter_rules()]
    found = {rule.replace("<name:model>", model).replace("<name:version>", version) for rule in rules}
    return sorted(found | {"/nowhere", "/v1/nowhere", "/v2/nowhere", "/invocations/nowhere"})


@pytest.mark.parametrize("model", ["zq-model", "another"])
@pytest.mark.parametrize("authorization", [None, "Bearer wrong"])
def test_who_has_no_token_learns_nothing_of_the_model(serve, confidential, tokens_file, model, authorization):
    """No route, method or state of the server tells its name, version, digest or features, nor confirms a guess."""
    server = serve(confidential, TOKENS_FILE=str(tokens_file), HEALTH_ROUTE="/alive", PREDICT_ROUTE="/vertex")
    headers = {"Authorization": authorization} if authorization else {}
    digest = server.model.current.loaded.digest

    for draining in (False, True):
        server.metrics.processes.server.draining = draining
        for path in routes(server, model, "7"):
            for method in ("GET", "HEAD", "POST", "OPTIONS", "DELETE"):
                answer = server.client.open(path, method=method, headers=headers)
                said = f"{answer.headers}{answer.text}".replace(path, "")
                assert "zq-" not in said, (method, path)
                assert digest not in said, (method, path)


@pytest.mark.parametrize("path", ["/v1/models/M", "/v1/models/M/versions/V", "/v2/models/M/ready", "/ping", "/alive"])
def test_a_health_page_says_ready_or_not_to_who_has_no_token(serve, confidential, tokens_file, path):
    """The same of every model and version: a wrong guess is not told from a right one."""
    server = serve(confidential, TOKENS_FILE=str(tokens_file), HEALTH_ROUTE="/alive")
    right = path.replace("M", "zq-model").replace("V", "zq-version")
    wrong = path.replace("M", "another").replace("V", "1")

    def told(path, **headers):
        answer = server.client.get(path, headers={"X-Request-ID": "same", **headers})
        return answer.status_code, re.sub(rb'("(?:trace|span)_id"):"[0-9a-f]+"', rb"\1", answer.data)

    assert (200, b'{"ready":true}') == told(right) == told(wrong)
    server.metrics.processes.server.draining = True
    assert 503 == told(right)[0]
    assert told(right) == told(wrong)
    server.metrics.processes.server.draining = False
    known = {"Authorization": f"Bearer {TOKENS[0]}"}
    assert "zq-version" == server.client.get(right, headers=known).headers["X-Model-Version"]
    assert wrong == right or 404 == told(wrong, **known)[0]


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/metrics", "code"),
        ("/v2/models/stats", "error"),
        ("/v2/models/iris/stats", "error"),
        ("/v2/models/iris/versions/1/stats", "error"),
    ],
)
def test_counts_are_told_at_the_admin_address_only(serve, path, shape):
    """The address that the request came in at matters, and not what its Host says; a refusal has its route's shape."""
    server = serve(ADMIN_BIND="127.0.0.1:9000")
    server.auth.admin = ("127.0.0.1", "9000")

    def ask(path, port):
        environ = {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": port}
        return server.client.get(path, headers={"Host": "127.0.0.1:9000"}, environ_overrides=environ)

    refused = ask(path, "8000")
    assert (404, 200) == (refused.status_code, ask(path, "9000").status_code)
    assert "not_found" in refused.json[shape]
    assert (200, 200) == (ask("/model", "8000").status_code, ask("/health", "9000").status_code)
    assert 200 == ask("/v2/models/iris/ready", "8000").status_code


@pytest.mark.parametrize("path", ["/health", "/model", "/metrics", "/nowhere", "/predict"])
def test_answers_are_not_kept_or_guessed_at(server, path):
    """Whatever the answer: its type is what it says, and it is for this caller now."""
    headers = server.client.get(path).headers

    assert ("nosniff", "no-store") == (headers["X-Content-Type-Options"], headers["Cache-Control"])
