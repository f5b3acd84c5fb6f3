"""When requests are answered in the main loop."""

import pytest

from service.pace import FEWEST, MOST, MOST_BYTES, QUICK_SECONDS, SLOW_SECONDS, Pace, is_small


def after(pace, requests, seconds=QUICK_SECONDS / 2):
    for _ in range(requests):
        pace.in_thread(seconds)
    return pace.allows()


def test_a_model_has_to_show_that_it_is_quick():
    """Until then each request has a thread; one that takes long starts the count again."""
    pace = Pace()

    assert (False, True) == (after(pace, FEWEST - 1), after(pace, 1))
    assert not after(pace, 1, QUICK_SECONDS)
    assert (False, True) == (after(pace, FEWEST - 1), after(pace, 1))


def test_each_slow_request_in_the_main_loop_doubles_what_is_asked_for():
    """So that a model that sleeps now and then hardly ever holds the others up."""
    pace, asked_for = Pace(), FEWEST
    while asked_for < 2 * MOST:
        assert after(pace, asked_for)
        pace.in_loop(SLOW_SECONDS / 2)
        assert pace.allows()
        pace.in_loop(SLOW_SECONDS * 2)
        asked_for *= 2
        assert not after(pace, min(asked_for, MOST) - 1)


@pytest.mark.parametrize(
    ("content", "small"),
    [
        (b"POST /predict HTTP/1.1\r\n", True),
        (b"GET /metrics HTTP/1.1\r\n", False),
        (b"POST " + b"x" * MOST_BYTES, False),
    ],
    ids=["prediction", "scrape", "many rows"],
)
def test_only_small_predictions_are_answered_there(content, small):
    """Scrapes take long whatever the model, and many rows do too."""
    assert small == is_small(content)
