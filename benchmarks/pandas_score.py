"""What a plain script does that scores a CSV file: pandas reads and writes, joblib predicts on all cores."""

import sys

import joblib
import numpy as np
import pandas as pd

source, target, model, jobs, columns = sys.argv[1:]
frame = pd.read_csv(source)
estimator = joblib.load(model)
pieces = np.array_split(np.arange(len(frame)), 4 * int(jobs))
found = joblib.Parallel(n_jobs=int(jobs))(
    joblib.delayed(estimator.predict_proba)(frame.iloc[piece[0] : piece[-1] + 1]) for piece in pieces
)
shares = np.concatenate(found)
if columns == "none":
    frame = pd.DataFrame(index=frame.index)
frame["prediction"] = estimator.classes_[shares.argmax(axis=1)]
for name, share in zip(estimator.classes_, shares.T, strict=True):
    frame[f"probability_{name}"] = share
frame.to_csv(target, index=False)
