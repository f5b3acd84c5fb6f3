"""Running estimators with scikit-learn itself: the audit of skops files, the engine, its data frames.

The image for compiled models leaves this folder out.

Imports: model, model.bundle, model.engines.
"""
