"""The installable face of ml-service: the command `ml-service`, and what a notebook imports.

The server and the packing code are the application: the packages `model` and `service`, which a wheel carries in the
folder `application`. They run in processes of their own. So nothing here imports them, and they never meet the modules
and variables of whoever imports this. Nor is any third-party package imported before it is needed.

Imports: nothing.
"""

from mlservice.errors import Error
from mlservice.packing import Packed, pack
from mlservice.scorer import Scorer
from mlservice.server import Server, serve

__all__ = ["Error", "Packed", "Scorer", "Server", "pack", "serve"]
