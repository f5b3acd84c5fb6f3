"""The packages that an estimator needs when it predicts, by the modules of its components."""

import sys
from importlib.metadata import packages_distributions, version
from typing import Any, Final

from model.bundle.requirements import SKLEARN
from model.sklearn_runtime.estimator_walk import walk

# scikit-learn, which is added separately, and packages that are there whenever it is.
_ALWAYS: Final = frozenset({"sklearn", "numpy", "scipy", "joblib", "threadpoolctl"})


def requirements_of(estimator: Any) -> list[str]:
    """Return the distributions that the estimator's components come from, as `name==version`, scikit-learn first.

    The operator's own code belongs to no distribution, and goes with the bundle's MODEL_CODE.
    """
    modules = {base.__module__.partition(".")[0] for part, _ in walk(estimator) for base in type(part).__mro__}
    others = modules - _ALWAYS - set(sys.stdlib_module_names)
    owners = packages_distributions() if others else {}  # this takes 0.1 s: it reads files of every distribution
    found = set()
    for module in others:
        for owner in owners.get(module, [])[:1]:
            # A variant such as xgboost-cpu has the same module as xgboost, which can replace it.
            name = module if owner.startswith(f"{module}-") else owner
            found.add(f"{name}=={version(owner)}")
    own = f"{SKLEARN}=={version(SKLEARN)}"
    return [own, *sorted(found - {own})]
