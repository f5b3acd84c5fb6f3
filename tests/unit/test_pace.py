"""When requests are answered in the main loop."""

from service.server.pace import (
    FEWEST,
    FORGIVEN,
    LATE_SECONDS,
    MOST,
    MOST_BYTES,
    QUICK_SECONDS,
    SLOW_SECONDS,
    SMALL_BYTES,
    Pace,
    Paces,
)


def after(pace, requests, seconds=QUICK_SECONDS / 2):
    for _ in range(requests):
        pace.in_thread(seconds, seconds)
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
        pace.in_loop(QUICK_SECONDS / 2, SLOW_SECONDS / 2)
        assert pace.allows()
        pace.in_loop(QUICK_SECONDS / 2, SLOW_SECONDS * 2)
        asked_for *= 2
        assert not after(pace, min(asked_for, MOST) - 1)


def test_what_computes_for_long_in_the_main_loop_is_slow_however_busy_the_machine():
    """The loop works for a few milliseconds at a time."""
    pace = Pace()
    after(pace, FEWEST)
    pace.in_loop(QUICK_SECONDS * 1.1, QUICK_SECONDS * 1.1)
    assert not pace.allows()


def test_quick_requests_halve_again_what_is_asked_for():
    """A busy minute is not remembered for ever."""
    pace = Pace()
    after(pace, FEWEST)
    pace.in_loop(0, SLOW_SECONDS * 2)
    after(pace, 2 * FEWEST)
    for _ in range(FORGIVEN):
        pace.in_loop(0, 0)
    pace.in_loop(0, SLOW_SECONDS * 2)

    assert (False, True) == (after(pace, 2 * FEWEST - 1), after(pace, 1))


def test_requests_are_slow_by_what_they_took_lately_on_average():
    """One that took long among quick ones does not turn others away; a model that takes long does, from the first."""
    pace = Pace()
    assert (False, False) == (pace.known, pace.slow)
    after(pace, FEWEST)
    pace.in_thread(0, LATE_SECONDS * 2)
    assert (True, False) == (pace.known, pace.slow)

    slow = Pace()
    slow.in_thread(0, LATE_SECONDS * 2)
    assert slow.slow


def test_huge_requests_always_have_a_thread():
    """They take long whatever the model."""
    assert Paces().of(MOST_BYTES + 1) is None


def test_few_rows_say_nothing_of_many():
    """A model may be quick with one row and take long for a thousand."""
    paces = Paces()
    few, many = paces.of(100), paces.of(SMALL_BYTES + 1)

    assert (True, False) == (after(few, FEWEST), many.allows())
    assert (few, many) == (paces.of(1), paces.of(MOST_BYTES))
