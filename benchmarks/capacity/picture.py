"""Draws the simulated day: `python -m benchmarks.capacity.picture day.json picture.png`, where matplotlib is."""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot  # the backend is chosen first

LOAD, PODS, PALE = "#5b7f95", "#d1495b", "#c9c9c9"


def draw(day: dict[str, Any], path: Path) -> None:
    """Draw load and capacity above, pods below, by hour of the day."""
    first = int(day["start"][:2]) + int(day["start"][3:]) / 60
    hours = [first + place * day["step"] / 3600 for place in range(len(day["load"]))]
    figure, (above, below) = pyplot.subplots(2, 1, figsize=(9.2, 5.6), sharex=True, height_ratios=(2, 1))
    capacity = [pods * day["full"] for pods in day["serving"]]
    above.step(hours, capacity, where="post", color=PODS, linewidth=1.2, label="what the pods could answer at most")
    above.fill_between(hours, day["load"], color=LOAD, alpha=0.85, linewidth=0, label="requests")
    aim = [pods * day["full"] * day["target"] / 100 for pods in day["serving"]]
    above.step(hours, aim, where="post", color=PODS, linewidth=0.8, linestyle=":", label=f"{day['target']} % of that")
    above.set_ylabel("requests/s")
    above.set_ylim(0)
    above.legend(loc="upper left", frameon=False, fontsize=8)
    below.step(hours, day["serving"], where="post", color=PODS, linewidth=1.2)
    below.axhline(day["fixed"], color="#777777", linewidth=0.8, linestyle="--")
    below.annotate(
        "a fixed number for the peak", (hours[0], day["fixed"]), (2, -10), textcoords="offset points", fontsize=8
    )
    below.set_ylabel("pods that serve")
    below.set_ylim(0, max(*day["serving"], day["fixed"]) + 1)
    below.set_xlabel("hour of the day (GMT), 30 June 1998")
    below.set_xticks(range(4, 29, 2), [str(hour % 24) for hour in range(4, 29, 2)])
    for panel in (above, below):
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8)
        panel.margins(x=0)
    figure.suptitle(f"A day of the 1998 World Cup's site at 10,000 requests/s: {day['title']}", fontsize=11)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
