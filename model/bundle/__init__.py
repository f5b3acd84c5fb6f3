"""The bundle: a directory of a manifest and the files it vouches for.

Here: reading and verifying it, safely, whatever lies there; what the operator trusts. Not here: what computes.

Imports: model.
"""
