"""WSGI entry point for the web server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "labeller.config.settings")
os.environ["PROCESS"] = "web"  # the settings give its database less patience
application = get_wsgi_application()

from labeller.config import schema  # noqa: E402 - it asks the database, which the settings name

schema.insist()
