"""The table of boosting libraries in docs/conformance.md says what packing them gives."""

import pytest

from tests.system.models.boosting.table import TABLE, lines

pytestmark = pytest.mark.models


def test_the_table_says_what_packing_gives():
    """Write it anew with `python -m tests.system.models.boosting.table`, and then `make docs`."""
    assert TABLE.read_text().splitlines() == list(lines())
