"""service.config.settings: defaults, what each setting accepts, and its message."""

import dataclasses

import pytest

from service.config import limits
from service.config.settings import SettingError, Settings

BAD = [
    ("PORT", "http"),
    ("PORT", "65536"),
    ("PORT", "-1"),
    ("WEB_CONCURRENCY", "0"),
    ("WEB_CONCURRENCY", "2.5"),
    ("MODEL_SHA256", "abc"),
    ("MAX_ROWS", "0"),
    ("QUEUE_SECONDS", "nan"),
    ("LOG_SHARE", "1.1"),
    ("LOG_LEVEL", "loud"),
]


def test_an_empty_environment_gives_the_defaults():
    """An empty value is no value, as in compose files."""
    assert Settings.from_env({}) == Settings.from_env({"PORT": "", "LOG_LEVEL": " "})
    assert 8000 == Settings.from_env({}).port


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_names_the_setting_the_value_and_what_it_accepts(name, value):
    """One line that says all three."""
    with pytest.raises(SettingError) as caught:
        Settings.from_env({name: value})

    message = str(caught.value)
    assert message.startswith(f"{name}={value!r}: expected ")
    assert "\n" not in message


def test_values_are_read_as_what_they_mean():
    """Types come from the table."""
    settings = Settings.from_env({"LOG_REDACT": "age, income,", "LOG_SHARE": "0.25", "MODEL_SHA256": "AB" * 32})

    assert ("age", "income") == settings.log_redact
    assert 0.25 == settings.log_share
    assert ("a, b", "1") == Settings.from_env({"LOG_REDACT": '["a, b", 1]'}).log_redact
    assert "ab" * 32 == settings.model_sha256


def test_each_setting_is_described_for_the_log():
    """The whole effective configuration, by the names an operator sets."""
    described = Settings.from_env({"PORT": "9"}).describe()

    assert "9" == described["PORT"]
    assert len(dataclasses.fields(Settings)) == len(described)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "199999 100000"}, 1),
        ({"cpu.max": "900000000 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu.max": "garbage"}, None),
    ],
)
def test_workers_follow_the_cgroups_quota(tmp_path, files, expected):
    """Whole CPUs of the quota, never none, never more than the affinity mask has."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")

    everything = limits.cpus(tmp_path / "nowhere")
    assert (expected or everything) == limits.cpus(tmp_path)
