"""When requests are answered in the main loop."""

from service.pace import FEWEST, MOST, MOST_BYTES, QUICK_SECONDS, SLOW_SECONDS, SMALL_BYTES, Pace, Paces


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


def test_huge_requests_always_have_a_thread():
    """They take long whatever the model."""
    assert Paces().of(MOST_BYTES + 1) is None


def test_few_rows_say_nothing_of_many():
    """A model may be quick with one row and take long for a thousand."""
    paces = Paces()
    few, many = paces.of(100), paces.of(SMALL_BYTES + 1)

    assert (True, False) == (after(few, FEWEST), many.allows())
    assert (few, many) == (paces.of(1), paces.of(MOST_BYTES))
