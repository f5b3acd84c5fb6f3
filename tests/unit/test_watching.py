"""service.serving.model_directory: when a change of the model directory is reported."""

import itertools
import shutil
from functools import partial

import pytest

from service.server.clock import Clock
from service.serving.model_directory import Watch, state_of


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "bundle"
    path.mkdir()
    (path / "manifest.json").write_text('{"files": {"a": {}}}')
    (path / "a").write_text("1")
    return path


def changes(watch, looks):
    return [watch.changed(float(now)) for now in looks]


def test_a_change_is_told_once_when_it_has_come_to_rest(folder):
    """Not while files still change, and not again."""
    watch, now = Watch(folder, 1), 0.0
    assert [False, False] == changes(watch, (1, 2))
    for now in (3, 4, 5):
        (folder / "a").write_text("x" * now)
        assert not watch.changed(now)

    assert [True, False, False] == changes(watch, (6, 7, 8))


def test_it_looks_no_more_often_than_asked(folder):
    """A look costs a system call for each file."""
    seldom = Watch(folder, 10)
    seldom.changed(0.0)
    (folder / "a").write_text("22")

    assert [False, False, True] == changes(seldom, (9, 10, 20))


def test_links_are_followed(folder, tmp_path):
    """As a Kubernetes volume swaps its files: by one link that all others go through."""
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "manifest.json").write_text("same size")
    (folder / "..data").symlink_to(tmp_path / "1")
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").symlink_to("..data/manifest.json")
    watch = Watch(folder, 1)
    (folder / "..tmp").symlink_to(tmp_path / "2")
    (folder / "..tmp").replace(folder / "..data")

    assert [False, True, False] == changes(watch, (1, 2, 3))


def test_a_folder_that_is_gone_is_a_change_like_any_other(folder):
    """And so is its coming back."""
    watch = Watch(folder, 1)
    shutil.rmtree(folder)
    assert [False, True, False] == changes(watch, (1, 2, 3))
    folder.mkdir()
    (folder / "manifest.json").write_text("2")
    assert [False, True, False] == changes(watch, (4, 5, 6))


def test_what_the_manifest_does_not_name_is_no_change(folder):
    """Files of the next version are there before their manifest, and those of the last one after it."""
    watch = Watch(folder, 1)
    (folder / "b").write_text("1")
    (folder / ".packing").mkdir()

    assert [False, False, False] == changes(watch, (1, 2, 3))


def test_what_was_noted_is_no_change(folder):
    """A reload that was asked for is not done twice."""
    watch = Watch(folder, 1)
    (folder / "a").write_text("22")
    watch.known = state_of(folder)

    assert [False, False, False] == changes(watch, (1, 2, 3))


def test_a_clock_that_was_set_is_told_once_and_one_that_is_slewed_is_not():
    """By another clock that nobody sets; half a second between two looks is a slow look or a slew."""
    times = iter([1000.0, 1001.0, 1002.5, 1003.5 - 86400, 1004.5 - 86400, 1065.5 - 86400])
    clock = Clock(partial(next, times), partial(next, itertools.count()))

    assert [0.0, 0.0, -86400.0, 0.0, 60.0] == [clock.step() for _ in range(5)]
