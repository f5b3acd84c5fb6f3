"""Runs estimators with scikit-learn itself: the audit of skops files, the engine, and the tables that it takes.

The image for compiled models leaves this folder out.

Imports: model, model.bundle, model.engines.
"""
