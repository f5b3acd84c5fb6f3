"""What SageMaker asks of a container beside predictions."""

import pytest


@pytest.mark.parametrize(
    ("threads", "megabytes", "expected"),
    [
        pytest.param("4", 20, (4, 20), id="as they are set"),
        pytest.param("8", 16, (8, 12), id="no more than 100 MB at once"),
        pytest.param("200", 16, (100, 1), id="many threads"),
        pytest.param("2", 0.5, (2, 1), id="0 would be no limit"),
    ],
)
def test_execution_parameters_say_what_threads_and_max_body_bytes_say(serve, threads, megabytes, expected):
    """A batch transform job sends as many requests at once, and as large ones, as the server takes."""
    server = serve(THREADS=threads, MAX_BODY_BYTES=str(int(megabytes * 2**20)))

    answer = server.client.get("/execution-parameters")

    concurrent, size = expected
    assert {
        "MaxConcurrentTransforms": concurrent,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": size,
    } == answer.json
