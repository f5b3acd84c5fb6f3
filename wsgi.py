"""The WSGI application, for `gunicorn` (which reads gunicorn.conf.py beside this file)."""

import os

from service.app import create_app
from service.lifecycle import start

app = create_app(start(os.environ))
