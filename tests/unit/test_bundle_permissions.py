"""Bundles that the user of this process may not read."""

import os
import shutil
from pathlib import Path

import pytest

from model.errors import BundleUnreadable
from model.forking import in_fork
from model.loading import load
from service.config.platforms import apply_defaults


@pytest.fixture
def bundle(iris_bundle, tmp_path):
    return shutil.copytree(iris_bundle, tmp_path / "bundle")


@pytest.mark.parametrize("closed", ["bundle", "manifest.json"])
def test_a_bundle_that_may_not_be_read_says_who_may_not_and_what_to_do(bundle, closed):
    """A bundle without read permission is `bundle_unreadable`; the message names the user and the owner."""
    path = bundle if closed == "bundle" else bundle / closed
    path.chmod(0)
    bundle.parent.chmod(0o755)  # pytest makes it for its user alone

    def load_as_nobody():
        os.chdir(bundle.parent)
        os.setuid(os.getuid() or 65534)
        try:
            load(Path(bundle.name))
        except BundleUnreadable as error:
            return {"said": f"{error.code}: {error}", "user": os.getuid()}
        return {"said": ""}

    said = in_fork(load_as_nobody, 30)
    path.chmod(0o755)
    assert said["said"].startswith("bundle_unreadable: bundle/manifest.json cannot be read by user id ")
    assert f"by user id {said['user']}: permission denied" in said["said"]
    assert f"run as user id {os.getuid()}, who owns it" in said["said"]


def test_a_closed_folder_of_a_platform_is_taken_for_the_bundle(tmp_path):
    """A platform's model folder without permission is taken as MODEL_DIR, and loading it reports the problem."""
    folder = tmp_path / "opt/ml/model"
    folder.mkdir(parents=True)
    folder.chmod(0)
    tmp_path.chmod(0o755)

    def applied_as_nobody():
        os.chdir(tmp_path)
        os.setuid(os.getuid() or 65534)
        return {"found": apply_defaults({}, Path())["MODEL_DIR"]}

    found = in_fork(applied_as_nobody, 30)
    folder.chmod(0o755)
    assert {"found": "opt/ml/model"} == found
