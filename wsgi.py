"""The WSGI application, for `gunicorn` (which reads gunicorn.conf.py beside this file).

Imports: everything.
"""

import os

from service.assembly import start
from service.config.exit_line import one_line_exit

with one_line_exit(1):
    app = start(os.environ)
