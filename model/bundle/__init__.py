"""The bundle: a directory of a manifest and the files it vouches for.

Here: reading and verifying it safely, whatever the files are, and what the operator trusts. Not here: computing.

Imports: model.
"""
