"""Entry point of `python -m model`.

Imports: model, model.commands.
"""

import os
import sys

# The same as the server's, so that what is measured here is what will be served; set before numpy reads them.
LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
for limit in LIMITS:
    os.environ.setdefault(limit, "1")

from model.commands.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
