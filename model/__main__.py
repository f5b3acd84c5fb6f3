"""Entry point of `python -m model`.

Imports: model, model.commands.
"""

import os
import sys

from model.thread_limits import limit_threads

limit_threads(os.environ)  # as the server does: what is tried and measured here is what will be served

from model.commands.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
