"""Boosted trees of other libraries, read from the documents that these write, as data.

No library is imported here: an estimator is known by the qualified name of its type, and hands over its own document.
`ensemble` is what all of them become, and adds it to a graph; beside it is one reader for each library.
"""
