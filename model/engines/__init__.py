"""The engines that a compiled model needs, and the checks of its graph.

Not here: anything of scikit-learn.

Imports: model, model.bundle.
"""
