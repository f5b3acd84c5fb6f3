"""service.config.platforms: what a platform's environment implies for the settings."""

import tempfile
from pathlib import Path

import pytest

from service.config.platforms import apply_defaults
from service.config.settings import SettingError, Settings

ENVIRONMENTS = [
    ({}, {}),
    ({"PORT": "9"}, {"PORT": "9"}),
    ({"AIP_MODE": "PREDICTION"}, {"PLATFORM": "vertex", "PORT": "8080"}),
    ({"AIP_HTTP_PORT": "81", "AIP_PREDICT_ROUTE": "/p"}, {"PORT": "81", "PREDICT_ROUTE": "/p"}),
    ({"AIP_HTTP_PORT": "81", "PORT": "82"}, {"PLATFORM": "vertex", "PORT": "82"}),
    ({"AIP_HTTP_PORT": "81", "PORT": ""}, {"PORT": "81"}),
    ({"PLATFORM": "sagemaker"}, {"PORT": "8080", "GRACE_SECONDS": "25"}),
    ({"PLATFORM": "sagemaker", "SAGEMAKER_BIND_TO_PORT": "83"}, {"PORT": "83"}),
    ({"PLATFORM": "kserve", "AIP_HTTP_PORT": "81"}, {"PLATFORM": "kserve", "PORT": "8080"}),
]


@pytest.mark.parametrize(("environ", "expected"), ENVIRONMENTS, ids=str)
def test_a_platform_implies_what_is_not_set(tmp_path, environ, expected):
    """What it documents sets the port and routes; what is set comes first, and an empty value is no value."""
    found = apply_defaults(environ, tmp_path)

    assert expected.items() <= found.items()
    assert ("PLATFORM" in found) == any(name.startswith(("AIP", "PLATFORM")) for name in environ)


@pytest.mark.parametrize(("mount", "platform"), [("opt/ml/model", "sagemaker"), ("mnt/models", "kserve")])
def test_a_mount_says_where_the_model_is(tmp_path, mount, platform):
    """The bundle is the directory, or the only bundle in it; other directories change nothing."""
    folder = tmp_path / mount
    (folder / "lost+found").mkdir(parents=True)
    assert (platform, str(folder)) == (
        apply_defaults({}, tmp_path)["PLATFORM"],
        apply_defaults({}, tmp_path)["MODEL_DIR"],
    )

    (folder / "inner").mkdir()
    (folder / "inner/manifest.json").touch()
    (folder / ".packing").mkdir()
    (folder / ".packing/manifest.json").touch()
    assert str(folder / "inner") == apply_defaults({}, tmp_path)["MODEL_DIR"]

    (folder / "manifest.json").touch()
    assert str(folder) == apply_defaults({}, tmp_path)["MODEL_DIR"]
    assert "x" == apply_defaults({"MODEL_DIR": "x"}, tmp_path)["MODEL_DIR"]


def test_a_model_in_storage_is_fetched_unless_a_directory_is_named():
    """Vertex AI names an address; another model than the one asked for is never served."""
    vertex = {"AIP_MODE": "PREDICTION", "AIP_STORAGE_URI": "gs://bucket/model"}
    fetched, named = Settings.from_env(vertex), Settings.from_env({**vertex, "MODEL_DIR": "/model"})

    assert ("gs://bucket/model", Path(tempfile.gettempdir())) == (str(fetched.model_uri), fetched.model_dir.parents[1])
    assert (None, Path("/model")) == (named.model_uri, named.model_dir)
    with pytest.raises(SettingError, match="MODEL_DIR='gs://bucket/model': expected a directory of this machine"):
        Settings.from_env({"MODEL_DIR": "gs://bucket/model"})
