"""Models that bodies are made to harm: many numbers, columns of several kinds, and texts."""

WIDTH = 500
WIDE = [f"c{place}" for place in range(WIDTH)]
MIXED = ["a", "s", "b", "d"]
MOST_ROWS = 10_000
# An ordinary row of each, as JSON has it.
ROWS = {
    "iris": [5.1, 3.5, 1.4, 0.2],
    "wide": [0.5] * WIDTH,
    "mixed": [1.5, "x", True, "2021-06-05"],
    "text": "cats and dogs",
}
PACK = """
import sys
from pathlib import Path
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from model.packing.pack import pack
names, folder = sys.argv[1].split(), Path(sys.argv[2])
places = np.arange(60)
wide = pd.DataFrame(np.random.default_rng(0).normal(size=(20, len(names))), columns=names)
mixed = pd.DataFrame({
    "a": places / 7.0,
    "s": np.array(["x", "y", "z"])[places % 3],
    "b": places % 2 == 0,
    "d": pd.to_datetime(["2020-01-01", "2021-06-05", "2022-12-31"])[places % 3],
})
texts = ["a cat sat on a mat", "dogs like bones", "cats and dogs", "the sun shines"] * 5
dates = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
columns = ColumnTransformer(
    [("s", OneHotEncoder(handle_unknown="ignore"), ["s"]), ("d", dates, ["d"]), ("n", "passthrough", ["a", "b"])]
)
pack(LinearRegression().fit(wide, wide[names[0]]), folder / "wide", name="wide", data=wide)
pack(make_pipeline(columns, LogisticRegression()).fit(mixed, places % 2), folder / "mixed", name="mixed", data=mixed)
pack(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [0, 1] * 10), folder / "text", name="text",
     data=texts)
"""
