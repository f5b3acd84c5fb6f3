"""The interface of all engines, the engine of compiled models, and the checks of their graphs.

Not here: anything that needs scikit-learn.

Imports: model, model.bundle.
"""
