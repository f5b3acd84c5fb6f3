"""Entry point of `python -m model`."""

import os
import sys

from model.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
