"""The page of a dashboard: its grid, and a card for each panel."""

import math
from datetime import UTC, datetime

from matplotlib import pyplot

from tests.pictures import cells, plots

TEXT, FAINT, LINES, CANVAS = "#24292E", "#6E7681", "#E4E7EB", "#F4F5F5"
WIDTH, LINE, GAP, HEAD = 1400, 31, 6, 44  # pixels: the page, a line of the grid, between panels, above all
STEPS = [5, 15, 30, 60, 120, 300, 600, 1800, 3600, 86400]  # seconds between the words below an axis
COLUMN = (WIDTH - 2 * GAP) / 24
DRAWN = {
    "barchart": plots.barchart,
    "bargauge": cells.bargauge,
    "heatmap": plots.heatmap,
    "stat": cells.stat,
    "state-timeline": plots.state_timeline,
    "table": cells.table,
    "timeseries": plots.timeseries,
}


class Page:
    """A dashboard's picture in the making: the answers to its queries, and the figure."""

    def __init__(self, dashboard, answers):
        self.dashboard, self.answers = dashboard, answers
        self.start, self.end, self.step = answers["start"], answers["end"], answers["step"]
        lines = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
        self.height = HEAD + lines * LINE + GAP
        self.figure = pyplot.figure(figsize=(WIDTH / 100, self.height / 100), dpi=100, facecolor=CANVAS)

    def axes(self, place, left=0, right=0, top=0, bottom=0):
        """Make axes inside a place of the grid, so many pixels from its edges."""
        x, y = GAP + place["x"] * COLUMN + GAP / 2 + left, HEAD + place["y"] * LINE + top
        width, height = place["w"] * COLUMN - GAP - left - right, place["h"] * LINE - GAP - top - bottom
        box = (x / WIDTH, 1 - (y + height) / self.height, width / WIDTH, height / self.height)
        return self.figure.add_axes(box)

    def width(self, panel):
        """Return how many pixels wide a panel is inside."""
        return panel["gridPos"]["w"] * COLUMN - GAP - 68

    def blank(self, place, **edges):
        """Make axes that show nothing of themselves."""
        axes = self.axes(place, **edges)
        axes.axis("off")
        return axes

    def write(self, axes, x, y, words, size=8.5, **style):
        """Write words at a place of the axes, counted from 0 to 1."""
        axes.text(x, y, words, transform=axes.transAxes, fontsize=size, **{"color": TEXT, "va": "center", **style})

    def lacks(self, axes, panel):
        """Say that there is no data, in the panel's words."""
        words = panel["fieldConfig"]["defaults"].get("noValue", "no data")
        self.write(axes, 0.5, 0.5, words, 10, ha="center", color=FAINT)

    def draw(self):
        """Draw all panels."""
        head = self.blank({"x": 0, "y": 0, "w": 24, "h": 1}, top=-HEAD + 6, bottom=HEAD - 10)
        span = [datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S") for at in (self.start, self.end)]
        self.write(head, 0.004, 0.5, self.dashboard["title"], 14, weight="bold")
        self.write(head, 0.996, 0.5, f"{span[0]} to {span[1]} UTC", 9, ha="right", color=FAINT)
        for panel in self.dashboard["panels"]:
            if panel["type"] == "row":
                words = f"{'▸' if panel['collapsed'] else '▾'}  {panel['title']}"
                self.write(self.blank(panel["gridPos"]), 0.002, 0.45, words, 10, weight="bold", family="DejaVu Sans")
            else:
                self._card(panel)
                DRAWN[panel["type"]](self, panel, self.answers["panels"][str(panel["id"])])

    def _card(self, panel):
        card = self.axes(panel["gridPos"])
        card.set(xticks=[], yticks=[], facecolor="white")
        for spine in card.spines.values():
            spine.set_color(LINES)
        title = self.blank({**panel["gridPos"], "h": 1}, left=8)
        self.write(title, 0, 0.4, panel["title"], 9, weight="bold", color="#3B4248")

    def plain(self, axes, grid="both"):
        """Leave nothing of the axes but faint lines and words."""
        axes.tick_params(labelsize=7.5, colors=FAINT, length=0)
        axes.grid(axis=grid, color=LINES, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(LINES)

    def times(self, axes):
        """Give axes the span of time, and a word for each of some minutes."""
        step = next(step for step in STEPS if step > (self.end - self.start) / 6)
        ticks = list(range(math.ceil(self.start / step) * step, int(self.end) + 1, step))
        form = "%H:%M" if step % 60 == 0 else "%H:%M:%S"
        axes.set_xticks(ticks, [datetime.fromtimestamp(at, UTC).strftime(form) for at in ticks])
        axes.set_xlim(self.start, self.end)
        self.plain(axes)
