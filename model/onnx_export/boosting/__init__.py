"""Boosted trees of other libraries, read as data from the documents that the libraries write.

No library is imported here: an estimator is recognised by the qualified name of its type, and asked for its document.
One reader for each library turns the document into the BoostedTrees of `ensemble`, which adds them to a graph.
"""
