"""How a model is served.

Imports: nothing.
"""

# The one place that has it: the image's label and what protocols tell of the server are taken from here.
VERSION = "0.1.0"
