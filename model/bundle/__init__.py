"""The bundle: a directory with a manifest and the files that it names.

Here: reading and verifying files of any origin safely, and what the operator trusts. Not here: predicting.

Imports: model.
"""
