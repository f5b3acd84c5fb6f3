"""What all engines have in common, the engine of compiled models, and the checks of their graphs.

Not here: anything of scikit-learn.

Imports: model, model.bundle.
"""
