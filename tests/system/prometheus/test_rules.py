"""The rules of deploy/prometheus, by promtool."""

import pytest

from tests.alerts import RULE_FILES, TEST_FILES
from tests.system.prometheus.monitors import promtool


def test_promtool_accepts_the_rules():
    """None is written twice, either."""
    content, said = promtool("check", "rules", "--lint-fatal", *RULE_FILES)

    assert content, said


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(path):
    """Each case of the file; tests/unit/test_alerts.py says that every alert has a case of both kinds."""
    content, said = promtool("test", "rules", path)

    assert content, said
