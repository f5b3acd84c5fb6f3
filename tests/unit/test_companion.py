"""service.commands.companion: what a terminal shows about the server."""

import pytest

from service.commands.companion import Companion
from service.commands.serve import free_port


@pytest.mark.parametrize("value", ["0", "no", "False"])
def test_a_card_names_no_page_where_pages_are_turned_off(value):
    """By any value that the setting accepts."""
    environ = {"HOST": "127.0.0.1", "PORT": str(free_port("127.0.0.1", 0)), "PAGES": value}

    assert {"address", "access", "stop"} == set(Companion(environ, opens=False, shows=True).card())
