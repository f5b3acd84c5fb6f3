"""Draws dashboards from what Prometheus answered to their queries, where there is no Grafana.

On the grid, with the colours, units, thresholds, transformations and legends that the panels have in their JSON.
"""
