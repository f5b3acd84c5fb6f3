"""Replacing a bundle in its directory: readers find a complete one at any moment."""

import os
import resource
import shutil
import signal
import sys
import time
from dataclasses import replace

import pytest

from model.bundle.manifest import File, digest_of, read_bundle
from model.bundle.publish import name_files, staging_directory, write_files
from model.errors import BundleMissing, OutputRefused
from model.forking import in_fork
from model.loading import load, verify
from service.serving.model_directory import Watch
from tests.bundles import as_format_1, part

LAST = 50


@pytest.fixture
def put(iris_bundle):
    """Put a bundle of a version into a directory; its files are of that version alone, and no models."""
    reference = read_bundle(iris_bundle).manifest

    def put(directory, version, onnx=None):
        words = {"skops": f"{version:09}\n" * 3000, "onnx": f"{onnx or version:09}\n" * 4000}
        content = name_files({kind: text.encode() for kind, text in words.items()})
        files = {name: File(len(data), digest_of(data)) for name, data in content.items()}
        with staging_directory(directory) as folder:
            write_files(folder, replace(reference, version=str(version), files=files), content)

    return put


def files(directory):
    return sorted(path.name for path in directory.iterdir())


def version(directory):
    """Return the version that a reader finds, having read all of it; 0 where there is no bundle."""
    try:
        return int(read_bundle(directory).manifest.version)
    except BundleMissing:
        assert not (directory / "manifest.json").exists()
        return 0


def at_each_step(do):
    """Call a function before each thing that this process does to files from now on; in a process of its own only."""
    busy = False

    def audit(event, _):
        nonlocal busy
        if not busy and (event == "open" or event.startswith(("os.", "fcntl."))):
            busy = True
            do()
            busy = False

    sys.addaudithook(audit)


@pytest.mark.parametrize("first", [True, False], ids=["a first pack", "a replacement"])
def test_a_pack_that_is_killed_at_any_step_leaves_a_whole_bundle_and_is_made_up_for_by_the_next(tmp_path, put, first):
    """After a killed pack there is the old or the new bundle, or none at first; the next pack cleans up."""
    killed = 0
    for last in range(1, 200):
        directory = tmp_path / str(last)
        if not first:
            put(directory, 1)
        if not (child := os.fork()):
            steps = iter(range(last))
            at_each_step(lambda steps=steps: next(steps, None) is None and os.kill(os.getpid(), signal.SIGKILL))
            put(directory, 2)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        assert version(directory) in ({0, 2} if first else {1, 2})
        for later in (3, 4):
            put(directory, later)
            assert later == version(directory)
        assert 5 == len(files(directory)), "the manifest, and the files of two versions"
        if not status:
            break
        killed += 1

    assert killed > 15


@pytest.mark.parametrize("room", [1000, 35_000])
def test_a_full_disk_leaves_what_was_there(tmp_path, put, room):
    """When the disk is full, the old bundle stays, or nothing if there was none."""
    put(tmp_path / "old", 1)
    before = files(tmp_path / "old")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limit[1]))
    try:
        for name in ("old", "new"):
            with pytest.raises(OutputRefused, match=r"cannot be written \(File too large\)"):
                put(tmp_path / name, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    assert before == files(tmp_path / "old")
    assert 1 == version(tmp_path / "old")
    assert ["old"] == files(tmp_path)


def test_a_directory_that_cannot_be_written_is_refused(tmp_path, put):
    """A directory that cannot be written is refused with the reason (below a file, not even root can write)."""
    (tmp_path / "file").write_text("")

    with pytest.raises(OutputRefused, match=r"file/bundle cannot be written \(Not a directory\)"):
        put(tmp_path / "file" / "bundle", 1)


def test_of_two_packs_at_once_the_second_is_refused(tmp_path, put):
    """While one process packs, a second is refused and does not disturb it; afterwards packing works again."""
    directory = tmp_path / "bundle"
    with staging_directory(directory) as folder:
        (folder / "half").write_text("half")
        with pytest.raises(OutputRefused, match="another process is packing into"):
            put(directory, 2)
        assert ["half", "lock"] == files(folder)
        (folder / "half").unlink()
        put(tmp_path / "other", 1)
        for path in (tmp_path / "other").iterdir():
            shutil.copy(path, folder)

    assert 1 == version(directory)
    put(directory, 2)
    assert 2 == version(directory)


def test_a_reader_never_finds_a_broken_bundle_however_often_and_by_how_many_it_is_replaced(tmp_path, put):
    """A reader finds a complete bundle throughout 50 packs by each of two concurrent processes."""
    directory = tmp_path / "bundle"
    put(directory, 0)

    def pack_all():
        for number in range(1, LAST + 1):
            while True:
                try:
                    put(directory, number)
                    break
                except OutputRefused:
                    time.sleep(0.001)
        os._exit(0)

    children = [os.fork() or pack_all() for _ in range(2)]
    seen = []
    while children:
        seen.append(int(read_bundle(directory).manifest.version))
        children = [child for child in children if not os.waitpid(child, os.WNOHANG)[0]]

    assert LAST == version(directory)
    assert len(set(seen)) > 10


def test_whoever_has_read_a_manifest_finds_its_files_after_the_next_pack(tmp_path, put):
    """The previous bundle's files stay for its readers, older ones are removed, and other files are left alone."""
    directory, kept = tmp_path / "bundle", []
    directory.mkdir()
    for number in range(4):
        put(directory, number)
        (directory / "NOTES.md").write_text("mine")
        kept.append(set(read_bundle(directory).manifest.files))
        mine = {"manifest.json", "NOTES.md"}
        assert set(files(directory)) == mine | kept[number] | (kept[number - 1] if number else set())


def test_a_bundle_of_the_first_format_is_read_and_replaced(iris_bundle, tmp_path, put):
    """A bundle in format 1 is read and replaced; its files stay for one pack, like those of any bundle."""
    directory = shutil.copytree(iris_bundle, tmp_path / "bundle")
    as_format_1(directory)
    verify(load(directory))
    verify(load(directory, compiled=False))

    put(directory, 2)
    assert {"model.skops", "model.onnx"} < set(files(directory))
    put(directory, 3)
    assert not {"model.skops", "model.onnx"} & set(files(directory))
    assert 3 == version(directory)


def test_a_file_that_is_damaged_is_replaced_by_a_pack_of_the_same_content(tmp_path, put):
    """A damaged file is replaced by a pack of the same content, although its name is the same."""
    put(tmp_path / "bundle", 1)
    part(tmp_path / "bundle", "onnx").write_bytes(b"damaged")

    put(tmp_path / "bundle", 1)
    assert 1 == version(tmp_path / "bundle")


def test_the_directory_stays_the_same_one(tmp_path, put):
    """The directory itself is not replaced: it may be mounted, or the target of a link."""
    put(tmp_path / "bundle", 1)
    (tmp_path / "link").symlink_to("bundle")
    before = (tmp_path / "bundle").stat().st_ino
    put(tmp_path / "link", 2)

    assert before == (tmp_path / "bundle").stat().st_ino
    assert (tmp_path / "link").is_symlink()
    assert 2 == version(tmp_path / "bundle")


@pytest.mark.parametrize("onnx", [None, 7], ids=["all files differ", "a file is the same"])
def test_a_watch_sees_one_change_of_each_pack(tmp_path, put, onnx):
    """A watcher sees one change for each pack, even if it looks between any two steps."""
    directory = tmp_path / "bundle"
    put(directory, 1)
    put(directory, 2, onnx)

    def count():
        watch, looks, told = Watch(directory, 1), iter(range(1, 10_000)), []

        def look():
            for _ in range(2):
                told.extend([version(directory)] if watch.changed(next(looks)) else [])

        at_each_step(look)
        put(directory, 3, onnx)
        look()
        return {"told": told}

    assert {"told": [3]} == in_fork(count, 60)
