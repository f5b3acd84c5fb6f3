import hashlib

import pytest

from service.access import Access
from service.settings import SettingError
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


@pytest.mark.parametrize("path", ["/model", "/metrics", "/nowhere"])
def test_all_routes_but_health_checks_are_guarded(guarded, path):
    """A load balancer has no token; and who has none does not learn which routes there are."""
    assert 401 == guarded.client.get(path).status_code
    for health in ("/health", "/health/live", "/health/ready"):
        assert 200 == guarded.client.get(health).status_code


@pytest.mark.parametrize("content", ["", "# nobody\n", "secret\n", f"{'a' * 63}\n", f"{'a' * 64}\nrubbish\n", None])
def test_a_file_that_is_wrong_is_refused(tmp_path, content):
    """A line that is no hash may be a token in the clear, or a typing error that locks somebody out."""
    path = tmp_path / "tokens"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingError, match="TOKENS_FILE="):
        Access.read(path)


def test_metrics_are_answered_at_the_admin_address_only(serve):
    """The address that the request came in at counts, and not what its Host says."""
    server = serve(ADMIN_BIND="127.0.0.1:9000")
    server.gate.admin = ("127.0.0.1", "9000")

    def status(path, port):
        environ = {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": port}
        return server.client.get(path, headers={"Host": "127.0.0.1:9000"}, environ_overrides=environ).status_code

    assert (404, 200) == (status("/metrics", "8000"), status("/metrics", "9000"))
    assert (200, 200) == (status("/model", "8000"), status("/health", "9000"))


@pytest.mark.parametrize("path", ["/health", "/model", "/metrics", "/nowhere", "/predict"])
def test_answers_are_not_kept_or_guessed_at(server, path):
    """Whatever the answer: its type is what it says, and it is for this caller now."""
    headers = server.client.get(path).headers

    assert ("nosniff", "no-store") == (headers["X-Content-Type-Options"], headers["Cache-Control"])
