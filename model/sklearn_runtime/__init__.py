"""Runs estimators with scikit-learn itself: the audit of skops files, the engine, and its tables of rows.

The image for compiled models leaves this folder out.

Imports: model, model.bundle, model.engines.
"""
