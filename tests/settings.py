"""The site's own settings, with everything on disk in a temporary directory and cheap passwords."""

import atexit
import os
import shutil
import tempfile

if "TEST_DATA" not in os.environ:  # a process the tests start is given its directory
    os.environ["TEST_DATA"] = tempfile.mkdtemp(prefix="labeller-test-")
    atexit.register(shutil.rmtree, os.environ["TEST_DATA"], ignore_errors=True)
os.environ["DATA"] = os.environ["TEST_DATA"]
# Workers of a run share the cores: a library that takes all of them for itself spends its time waiting for the others.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from labeller.config.settings import *  # noqa: F403

if DATABASES["default"]["ENGINE"] == "labeller.config.sqlite":  # noqa: F405 - pytest-django knows Django's own by name
    DATABASES["default"]["TEST"] = {"NAME": ":memory:"}  # noqa: F405
if "TABLES" in os.environ:  # a database to be copied, on the same server
    DATABASES["default"]["TEST"] = {"TEMPLATE": os.environ["TABLES"]}  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
AXES_ENABLED = False
CELERY_BROKER_URL = "memory://"
STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405 - WhiteNoise warns about a missing one
