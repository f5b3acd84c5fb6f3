"""`python -m tests.pictures ANSWERS FOLDER`, where matplotlib is: a picture of each dashboard."""

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from PIL import Image

from tests import dashboards
from tests.pictures.page import CANVAS, Page  # the backend is chosen first

MOST_COLOURS = 128  # of a drawing's file

if __name__ == "__main__":
    mpl.rcParams["font.family"] = ["Liberation Sans", "DejaVu Sans"]
    answers, folder = sys.argv[1:]
    for name in dashboards.NAMES:
        page = Page(dashboards.load(name), json.loads(Path(answers, f"{name}.json").read_text()))
        page.draw()
        path = Path(folder, f"dashboard-{name}.png")
        page.figure.savefig(path, facecolor=CANVAS)
        picture = Image.open(path).convert("RGB").quantize(MOST_COLOURS, dither=Image.Dither.NONE)
        picture.save(path, optimize=True)
