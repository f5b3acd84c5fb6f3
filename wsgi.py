"""The WSGI application, for `gunicorn` (which reads gunicorn.conf.py beside this file)."""

import os

from service.app import create_app
from service.exits import one_line_exit
from service.lifecycle import start

with one_line_exit(1):
    app = create_app(start(os.environ))
