"""The watch that all pages of these tests are under: it finds what it is there to find."""

import http.server
import threading

import pytest

PAGE = b"""<!doctype html><html lang="en"><title>t</title><link rel="icon" href="data:,"><body>%s</body></html>"""


@pytest.fixture
def serve_page():
    """Serve one page with a policy of its own, at a port that is free."""
    served = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path == "/"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Security-Policy", served["policy"])
            self.end_headers()
            self.wfile.write(PAGE % served["body"] if found else b"")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def start(body, policy):
        served.update(body=body, policy=policy)
        return server.server_port

    yield start
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("body", "policy", "expected"),
    [
        (b"<script>console.error('planted')</script>", "", "console error: planted"),
        (b"<script>console.warn('planted')</script>", "", "console warning: planted"),
        (b"<script>throw new Error('planted')</script>", "", "page error: planted"),
        (b"<img alt='' src='missing.png'>", "", "console error: Failed to load resource"),
        (
            b"<img alt='' src='http://127.0.0.1:9/planted.png'>",
            "img-src http:",
            "request elsewhere: http://127.0.0.1:9",
        ),
        (b"<b style='color: red'>planted</b>", "default-src 'self'", "style-src-attr inline"),
    ],
    ids=["error", "warning", "exception", "missing", "elsewhere", "violation"],
)
def test_a_planted_problem_is_found(opened, serve_page, body, policy, expected):
    """Errors on the console, exceptions, missing files, requests to another origin, violations of the policy."""
    visit = opened(serve_page(body, policy))
    visit.page.wait_for_load_state("networkidle")

    assert [] != [problem for problem in visit.problems() if problem.startswith(expected)], visit.problems()


def test_a_planted_violation_of_accessibility_is_found(opened, serve_page):
    """A picture without a text in its place, and a button without a name."""
    visit = opened(serve_page(b"<main><h1>t</h1><img src='data:,'><button></button></main>", ""))

    assert ["button-name", "image-alt"] == sorted(
        each.partition(":")[0] for each in visit.violations_of_accessibility()
    )
