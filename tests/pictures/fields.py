"""What a panel's JSON says of its values: their names, colours and units, and how tables join them."""

import math

# Grafana's classic palette and named colours, in its light theme.
PALETTE = ["#56A64B", "#E0B400", "#3274D9", "#FF780A", "#E02F44", "#8F3BB8", "#37872D", "#8AB8FF", "#C15C17", "#890F02"]
NAMED = {
    "green": "#56A64B",
    "yellow": "#E0B400",
    "orange": "#FF780A",
    "red": "#E02F44",
    "blue": "#3274D9",
    "purple": "#8F3BB8",
    "text": "#24292E",
}
SIZES = {
    "s": [(86400, "d"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs")],
    "bytes": [(2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B")],
    "short": [(1e9, "G"), (1e6, "M"), (1e3, "k"), (1, "")],
}
SUFFIXES = {"reqps": " req/s", "cps": " /s", "suffix:x": "x"}


def colour(name):
    return NAMED.get(name, name)


def number(value, unit, decimals=None):
    """Write a value as Grafana would."""
    if unit == "percentunit":
        return f"{value * 100:.{1 if decimals is None else decimals}f} %"
    if unit in SIZES and value and (unit != "short" or abs(value) >= 1000):
        size, name = next((each for each in SIZES[unit] if abs(value) >= each[0]), SIZES[unit][-1])
        return f"{value / size:.3g} {name}".strip()
    if abs(value) >= 1000:
        return number(value, "short") + SUFFIXES.get(unit, "")
    return (f"{value:.3g}" if decimals is None else f"{value:.{decimals}f}") + SUFFIXES.get(unit, "")


def written(panel, value):
    """Write a value with the panel's own unit and decimals."""
    defaults = panel["fieldConfig"]["defaults"]
    return number(value, defaults["unit"], defaults.get("decimals"))


def of_threshold(panel, value):
    """Return the colour of the highest threshold that a value reaches."""
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return colour([step["color"] for step in steps if step["value"] is None or value >= step["value"]][-1])


def overrides(panel, name):
    """Return what a panel sets for the field of a name."""
    found = [each for each in panel["fieldConfig"]["overrides"] if each["matcher"]["options"] == name]
    return {each["id"]: each["value"] for override in found for each in override["properties"]}


def called(target, labels):
    """Return the name of a series by its legend."""
    name = target.get("legendFormat", "")
    for label, value in labels.items():
        name = name.replace(f"{{{{{label}}}}}", value)
    return name


def lines(panel, answers):
    """Return the series of a panel by name: their values, what is set for them, and their colours."""
    found = [
        (called(target, labels), values)
        for target, series in zip(panel["targets"], answers, strict=True)
        for labels, values in sorted(series, key=lambda each: called(target, each[0]))
    ]
    styles = [overrides(panel, name) for name, _ in found]
    free = iter(PALETTE * (1 + len(found) // len(PALETTE)))
    colours = [colour(style["color"]["fixedColor"]) if "color" in style else next(free) for style in styles]
    return [(*each, style, shade) for each, style, shade in zip(found, styles, colours, strict=True)]


def table(panel, answers):
    """Return the columns of a table by name, as its transformations join, order, rename and leave out."""
    names = [{name for labels, _ in series for name in labels} for series in answers if series]
    common = sorted(set.intersection(*names)) if names else []
    rows = {}
    for target, series in zip(panel["targets"], answers, strict=True):
        for labels, values in series:
            row = rows.setdefault(tuple(labels[name] for name in common), {})
            row.update(labels | {f"Value #{target['refId']}": values[-1][1]})
    wanted = next(each["options"] for each in panel["transformations"] if each["id"] == "organize")
    order = sorted(wanted["indexByName"], key=wanted["indexByName"].get)
    return {
        wanted["renameByName"].get(name, name): [row.get(name, math.nan) for row in rows.values()] for name in order
    }
