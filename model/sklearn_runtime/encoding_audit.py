"""Checks the column numbers of words and categories, which compiled code does not check."""

from typing import Any

import numpy as np

from model.sklearn_runtime.tree_audit import below


def words_fit(counter: Any) -> bool:
    """Return whether each word's column exists."""
    columns = counter.vocabulary_
    return below(np.fromiter(columns.values(), np.int64), len(columns))


def codes_fit(encoder: Any) -> bool:
    """Return whether each category's column exists; a feature's columns follow those of the previous feature."""
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
    """Return whether categories, except strings, are sorted, missing ones last: they are looked up by bisection."""
    if categories.dtype.kind in "OUS":
        return True
    there = categories[categories == categories]  # noqa: PLR0124  # NaN and NaT are not equal to themselves
    missing = categories[len(there) :]
    return bool((there[1:] > there[:-1]).all() and (missing != missing).all())  # noqa: PLR0124


def hashes_fit(hasher: Any) -> bool:
    """Return whether there is at least one column: hashes are taken modulo the number of columns."""
    return not hasattr(hasher, "n_features") or hasher.n_features > 0
