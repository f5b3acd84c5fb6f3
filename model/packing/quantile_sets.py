"""Combines regressors of several quantiles, fitted separately, to one model."""

from typing import Any

from sklearn.ensemble import VotingRegressor
from sklearn.utils import Bunch

from model.errors import UnsupportedEstimator
from model.sklearn_runtime.further_outputs import quantile_of


def as_one_model(found: Any) -> Any:
    """Return a dict of fitted regressors by quantile as one regressor, and any other object as it is.

    The regressor is a VotingRegressor in which only the median, or the quantile nearest to it, has a vote. The answers
    of all members are its output `predict_quantiles`.
    """
    if not isinstance(found, dict) or len(found) < 2 or not all(hasattr(each, "predict") for each in found.values()):
        return found
    quantiles = {name: quantile_of(name) for name in found}
    if None in quantiles.values():
        return found
    names = sorted(found, key=lambda name: quantiles[name] or 0.0)
    members = [getattr(found[name], "best_estimator_", found[name]) for name in names]
    for attribute in ("n_features_in_", "feature_names_in_"):
        if len({str(getattr(member, attribute, None)) for member in members}) > 1:
            raise UnsupportedEstimator("the regressors of the quantiles were fitted on different columns.")
    middle = min(names, key=lambda name: abs((quantiles[name] or 0.0) - 0.5))
    model = VotingRegressor(
        [(str(name), member) for name, member in zip(names, members, strict=True)],
        weights=[int(name == middle) for name in names],
    )
    model.estimators_ = members
    model.named_estimators_ = Bunch(**{str(name): member for name, member in zip(names, members, strict=True)})
    if (columns := getattr(members[0], "feature_names_in_", None)) is not None:
        model.feature_names_in_ = columns
    return model
