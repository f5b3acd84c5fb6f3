"""The dashboards of deploy/grafana as Grafana reads them: panels, and queries with their variables filled in."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "deploy/grafana/dashboards"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str) -> dict[str, Any]:
    """Read one dashboard."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what shows data: all panels but rows, those in collapsed rows too."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def fill_in(expression: str, rate: str, shown: str, **variables: str) -> str:
    """Return an expression as Grafana sends it: variables that are not given stand for all there is."""
    values = {"__rate_interval": rate, "__range": shown, **variables}
    return re.sub(r"\$([a-z_]\w*)", lambda found: values.get(found[1], ".+"), expression)
