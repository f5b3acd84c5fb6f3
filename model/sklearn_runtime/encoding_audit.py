"""Checks the numbers that texts and categories become: columns of sparse rows, which compiled code takes for there."""

from typing import Any

import numpy as np

from model.sklearn_runtime.tree_audit import below


def words_fit(counter: Any) -> bool:
    """Say whether each word has one of the columns that there are."""
    columns = counter.vocabulary_
    return below(np.fromiter(columns.values(), np.int64), len(columns))


def codes_fit(encoder: Any) -> bool:
    """Say whether each code of a category has a column: they are counted from where those of the feature before end."""
    grouped = encoder._infrequent_enabled
    nothing = [None] * len(encoder.categories_)
    rare = encoder._infrequent_indices if grouped else nothing
    mappings = encoder._default_to_infrequent_mappings if grouped else nothing
    dropped = nothing if encoder._drop_idx_after_grouping is None else encoder._drop_idx_after_grouping
    if encoder._n_features_outs != encoder._compute_n_features_outs():
        return False
    for categories, few, mapping, drop in zip(encoder.categories_, rare, mappings, dropped, strict=True):
        count = len(categories) if few is None else len(categories) - len(few) + 1
        if (
            not _increasing(categories)
            or (few is None) != (mapping is None)
            or (drop is not None and not 0 <= drop < count)
        ):
            return False
        if few is not None and not (
            len(few) and len(mapping) == len(categories) and below(few, len(mapping)) and below(mapping, count)
        ):
            return False
    return True


def _increasing(categories: Any) -> bool:
    """Say whether categories other than texts, which are looked up by halves, are in order; what is missing is last."""
    if categories.dtype.kind in "OUS":
        return True
    there = categories[categories == categories]  # noqa: PLR0124  # NaN is not, nor is NaT
    missing = categories[len(there) :]
    return bool((there[1:] > there[:-1]).all() and (missing != missing).all())  # noqa: PLR0124


def hashes_fit(hasher: Any) -> bool:
    """Say whether there is a column: a hash is divided by how many there are."""
    return not hasattr(hasher, "n_features") or hasher.n_features > 0
