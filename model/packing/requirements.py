"""What an estimator needs at run time, read off the modules that its components come from."""

import sys
from importlib.metadata import packages_distributions, version
from typing import Any, Final

from model.bundle.requirements import SKLEARN
from model.sklearn_runtime.estimator_walk import walk

# Scikit-learn itself, what comes with it, and what the server has in any case.
_ALWAYS: Final = frozenset({"sklearn", "numpy", "scipy", "joblib", "threadpoolctl"})


def requirements_of(estimator: Any) -> list[str]:
    """Return the distributions that the estimator's components come from, as `name==version`, scikit-learn first.

    The operator's own code belongs to no distribution, and goes with the bundle's MODEL_CODE.
    """
    modules = {base.__module__.partition(".")[0] for part, _ in walk(estimator) for base in type(part).__mro__}
    others = modules - _ALWAYS - set(sys.stdlib_module_names)
    owners = packages_distributions() if others else {}  # reading the files of every distribution takes a tenth second
    found = set()
    for module in others:
        for owner in owners.get(module, [])[:1]:
            # A variant such as xgboost-cpu has the module of xgboost, which does as well.
            name = module if owner.startswith(f"{module}-") else owner
            found.add(f"{name}=={version(owner)}")
    own = f"{SKLEARN}=={version(SKLEARN)}"
    return [own, *sorted(found - {own})]
