"""Panels that write values: one, bars beside names, a table."""

import math

from matplotlib.patches import Rectangle

from tests.pictures.fields import called, number, of_threshold, overrides, written
from tests.pictures.fields import table as joined

FAINT, TEXT, BACK = "#6E7681", "#24292E", "#F0F1F2"
MOST_LETTERS = 24


def stat(page, panel, answers):
    """Write one value in the colour of its threshold, over the line that led to it."""
    place, options = panel["gridPos"], panel["options"]
    axes = page.blank(place, left=8, right=8, top=24, bottom=4)
    found = [each for each in answers[0] if not math.isnan(each[1][-1][1])]
    if not found:
        page.lacks(axes, panel)
        return
    labels, values = found[0]
    shade, words = of_threshold(panel, values[-1][1]), written(panel, values[-1][1])
    if options["graphMode"] == "area":
        line = page.blank(place, left=1, right=1, top=place["h"] * 20, bottom=1)
        line.set_xlim(page.start, page.end)
        line.fill_between(*zip(*values, strict=True), color=shade, alpha=0.18, linewidth=0)
        line.plot(*zip(*values, strict=True), color=shade, linewidth=0.8)
        line.set_ylim(0)
    name, strong = called(panel["targets"][0], labels), {"color": shade, "weight": "bold"}
    if options["textMode"] == "value":
        page.write(
            axes, 0.5, 0.65, words, min(20, 16 * page.blank(place).bbox.width / 14 / len(words)), ha="center", **strong
        )
    else:
        page.write(axes, 0.02, 0.55, name, 15, **strong)
    if options["textMode"] == "value_and_name":
        page.write(axes, 0.98, 0.55, words, 19, ha="right", **strong)


def bargauge(page, panel, answers):
    """Draw a bar for each name, with its value."""
    axes, rows = page.blank(panel["gridPos"], left=10, right=10, top=30, bottom=8), answers[0]
    longest = max([values[-1][1] for _, values in rows], default=1) or 1
    axes.set(xlim=(0, 1), ylim=(max(1, len(rows)), 0))
    if not rows:
        page.lacks(axes, panel)
    for line, (labels, values) in enumerate(rows):
        value = values[-1][1]
        shade = of_threshold(panel, value)
        axes.text(0, line + 0.5, called(panel["targets"][0], labels), fontsize=8.5, va="center", color=TEXT)
        axes.add_patch(Rectangle((0.3, line + 0.15), 0.55, 0.7, color=BACK))
        if not math.isnan(value):
            axes.add_patch(Rectangle((0.3, line + 0.15), 0.55 * value / longest, 0.7, color=shade, alpha=0.8))
            style = {"fontsize": 9, "va": "center", "ha": "right", "color": shade, "weight": "bold"}
            axes.text(1, line + 0.5, written(panel, value), **style)


def cell(panel, column, value):
    """Write the value of a cell with its column's unit."""
    if isinstance(value, str):
        return value if len(value) <= MOST_LETTERS else f"{value[: MOST_LETTERS - 1]}…"
    style = overrides(panel, column)
    return (
        "-"
        if math.isnan(value)
        else number(value, style.get("unit", panel["fieldConfig"]["defaults"]["unit"]), style.get("decimals"))
    )


def table(page, panel, answers):
    """Write a table, sorted as its panel says; cells with a background have the colour of their threshold."""
    columns = joined(panel, answers)
    axes = page.blank(panel["gridPos"], left=10, right=10, top=28, bottom=6)
    sort = panel["options"].get("sortBy", [{"displayName": next(iter(columns)), "desc": False}])[0]
    by = columns[sort["displayName"]]
    order = sorted(range(len(by)), key=by.__getitem__, reverse=sort["desc"])
    words = {name: [name, *(cell(panel, name, values[row]) for row in order)] for name, values in columns.items()}
    widths = {name: max(map(len, column)) + 3 for name, column in words.items()}
    lines, x = max(panel["gridPos"]["h"] - 1.2, len(order) + 1), 0.0
    for name, column in words.items():
        share = widths[name] / sum(widths.values())
        for line, word in enumerate(column):
            y = 1 - (line + 0.5) / lines
            if line and "custom.cellOptions" in overrides(panel, name):
                shade = of_threshold(panel, columns[name][order[line - 1]])
                size = (share * 0.9, 0.84 / lines)
                axes.add_patch(
                    Rectangle(
                        (x, y - 0.42 / lines), *size, transform=axes.transAxes, color=shade, alpha=0.35, linewidth=0
                    )
                )
            page.write(axes, x + 0.004, y, word, weight="normal" if line else "bold", color=TEXT if line else FAINT)
        x += share
