"""Panels that draw over time, or beside the training rows."""

import itertools
import math

import matplotlib as mpl
from matplotlib.colors import LogNorm

from tests.pictures.fields import colour, lines, number, of_threshold, overrides, table, written

FAINT, TEXT = "#6E7681", "#24292E"
UNDER = {"loc": "upper left", "fontsize": 7.5, "frameon": False, "labelcolor": TEXT, "handlelength": 1}
UNDER |= {"handletextpad": 0.5, "columnspacing": 1, "borderaxespad": 0.2, "bbox_to_anchor": (-0.02, -0.12)}


def timeseries(page, panel, answers):
    """Draw lines, areas or bars, with thresholds and annotations."""
    found = lines(panel, answers)
    beside = panel["options"]["legend"]["placement"] == "right"
    longest = max((len(name) for name, *_ in found), default=1)
    columns = max(1, min(len(found), int(page.width(panel) / (30 + 5.5 * longest))))
    below = 26 + 14 * math.ceil(len(found) / columns)
    edges = {"right": 210, "bottom": 22} if beside else {"right": 10, "bottom": below}
    axes, heights = page.axes(panel["gridPos"], left=58, top=28, **edges), {}
    for _, values, style, shade in found:
        line(page, axes, values, panel["fieldConfig"]["defaults"]["custom"] | flat(style), shade, heights)
    values_of(axes, panel)
    page.times(axes)
    notes(page, axes)
    legend(axes, panel, found, 0 if beside else columns)
    if not any(values for _, values, _, _ in found):
        page.lacks(axes, panel)


def flat(style):
    """Return what an override sets of a panel's custom options."""
    return {name.removeprefix("custom."): value for name, value in style.items() if name.startswith("custom.")}


def line(page, axes, values, custom, shade, heights):
    """Draw one series; `heights` is how high those below it reach, where they are stacked."""
    stacked = custom.get("stacking", {}).get("mode") == "normal"
    times = [at for at, _ in values]
    sizes = [0 if stacked and math.isnan(value) else value for _, value in values]
    bases = [heights.get(at, 0) if stacked else 0 for at in times]
    tops = [base + size for base, size in zip(bases, sizes, strict=True)]
    if stacked:
        heights |= zip(times, tops, strict=True)
    if custom["drawStyle"] == "bars":
        axes.bar(times, sizes, page.step * 0.9, bases, color=shade, alpha=0.85, linewidth=0)
        return
    stroke = "--" if "lineStyle" in custom else "-"
    axes.plot(times, tops, color=shade, linewidth=1.2 * custom.get("lineWidth", 1), linestyle=stroke)
    axes.fill_between(times, bases, tops, color=shade, alpha=custom["fillOpacity"] / 100, linewidth=0)


def values_of(axes, panel):
    """Set the range of values and its scale, and draw the thresholds."""
    defaults = panel["fieldConfig"]["defaults"]
    custom, unit, highest = defaults["custom"], defaults["unit"], axes.dataLim.ymax
    if "scaleDistribution" in custom and 0 < highest < math.inf:
        axes.set_yscale("log")
        axes.yaxis.set_minor_locator(mpl.ticker.NullLocator())
    else:
        top = max(highest * 1.08 if highest < math.inf else 0, custom.get("axisSoftMax", 0)) or 1
        axes.set_ylim(defaults.get("min", axes.get_ylim()[0]), defaults.get("max", top))
        whole = defaults.get("decimals") == 0
        axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(4, integer=whole))
        if unit == "bytes":
            axes.yaxis.set_major_locator(mpl.ticker.MultipleLocator(2 ** math.ceil(math.log2(top / 4))))
    for step in defaults.get("thresholds", {"steps": []})["steps"][1:]:
        if step["value"] <= axes.get_ylim()[1]:
            axes.axhline(step["value"], color=colour(step["color"]), linewidth=1, linestyle=(0, (6, 4)))
    decimals = 0 if unit == "percentunit" and axes.get_ylim()[1] > 0.05 else None
    axes.yaxis.set_major_formatter(lambda value, _: number(value, unit, decimals))


def notes(page, axes):
    """Mark what the dashboard's annotations tell, from the moment that each is true."""
    for shade, moments in page.answers["notes"]:
        for at in moments:
            axes.axvline(at, color=colour(shade), linewidth=0.9, linestyle=(0, (3, 3)))


def legend(axes, panel, found, columns):
    """Name the lines below, in so many columns; in none: beside, with their last values."""
    handles = [mpl.lines.Line2D([], [], color=shade, linewidth=3) for *_, shade in found]
    names = [name if columns else f"{name}  {written(panel, values[-1][1])}" for name, values, *_ in found]
    place = {"ncols": columns} if columns else {"ncols": 1, "bbox_to_anchor": (1.01, 1.03)}
    axes.legend(handles, names, **UNDER | place)


def heatmap(page, panel, answers):
    """Draw how many values each bucket got, from counts that include those of the buckets below."""
    axes = page.axes(panel["gridPos"], left=58, right=10, top=28, bottom=22)
    series = sorted(((float(labels["le"]), dict(values)) for labels, values in answers[0]), key=lambda each: each[0])
    times = sorted({at for _, values in series for at in values})
    counts = [[0] * len(times), *([values.get(at, 0) for at in times] for _, values in series)]
    buckets = [
        [max(0, more - less) or math.nan for less, more in zip(*pair, strict=True)]
        for pair in itertools.pairwise(counts)
    ]
    used = [at for at, row in enumerate(buckets) if not all(map(math.isnan, row))]
    first, last = used[0], used[-1] + 1
    style = {"cmap": "Oranges", "norm": LogNorm(0.3), "linewidth": 0}
    axes.pcolormesh([*times, times[-1] + page.step], range(last - first + 1), buckets[first:last], **style)
    edges = [number(le, "s") if le < math.inf else "more" for le, _ in series[first:last]]
    axes.set_yticks(range(1, last - first + 1), edges)
    page.times(axes)
    axes.grid(visible=False)


def state_timeline(page, panel, answers):
    """Draw a bar for each name while it is so."""
    axes, found = page.axes(panel["gridPos"], left=200, right=10, top=26, bottom=20), lines(panel, answers)
    for row, (name, values, *_) in enumerate(found):
        spans = [(at, page.step) for at, _ in values]
        axes.broken_barh(spans, (row + 0.12, 0.76), color=of_threshold(panel, 1), alpha=0.8, linewidth=0)
        style = {"ha": "right", "va": "center", "fontsize": min(8.5, 50 / len(found)), "color": TEXT}
        axes.text(-0.006, row + 0.5, name, transform=axes.get_yaxis_transform(), **style)
    page.times(axes)
    axes.set(ylim=(max(1, len(found)), 0), yticks=[])
    if not found:
        page.lacks(axes, panel)


def barchart(page, panel, answers):
    """Draw bars beside each other: what is now, and what was in training."""
    axes = page.axes(panel["gridPos"], left=44, right=10, top=28, bottom=40)
    (_, labels), *columns = table(panel, answers).items()
    order = sorted(range(len(labels)), key=labels.__getitem__)
    for at, (name, values) in enumerate(columns):
        shade = colour(overrides(panel, name)["color"]["fixedColor"])
        places = [place + 0.36 * at - 0.18 for place in range(len(order))]
        axes.bar(places, [values[each] for each in order], 0.34, color=shade, label=name)
    axes.set_xticks(range(len(labels)), [labels[each] for each in order])
    axes.yaxis.set_major_formatter(lambda value, _: number(value, panel["fieldConfig"]["defaults"]["unit"], 0))
    page.plain(axes, grid="y")
    axes.legend(**UNDER | {"ncols": 2})
