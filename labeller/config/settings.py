"""One settings file for laptop and team; everything that differs comes from the environment.

DATA, HOST, PORT      where things live and where the web server listens
DATA_MODE             permissions of DATA and of what is made in it (default: 0700, nobody but its owner); 0770 where
                      workers of other accounts, in one group, share it over a network file system
DATABASE_URL          PostgreSQL for a team (default: SQLite in DATA)
REDIS_URL             a Redis for a team (default: an embedded one on a Unix socket)
STORAGE_URL           an object store for a team's embeddings and own networks (default: DATA), as fsspec names it:
                      s3://bucket/name
IMAGE_URLS            comma-separated folders in object stores that photographs may be imported from, beside STORAGE_URL
FOLLOW_LINKS=1        links in a folder of photographs that lead out of it are followed
MOVED_FROM            where the photographs of IMAGES were before their folder moved; "no": they are new
DEVICE                what workers embed on: cpu, cuda or mps (default: the fastest there is)
FEATURISERS           comma-separated Python modules that register featurisers of your own
MODULES               comma-separated Python packages beside modAL and sklearn whose classifiers and query strategies
                      administrators may name by dotted path
ALLOWED_HOSTS         comma-separated host names beyond this machine's own
TIME_ZONE             such as Europe/Amsterdam (default: this machine's own)
TRUSTED_PROXIES       comma-separated addresses or networks of the proxies in front, whose X-Forwarded-For is believed
                      (default: none); without it all who come through a proxy share one limit on wrong passwords
SECRET_KEY            overrides the generated one
SECURE=1              behind HTTPS: secure cookies and HSTS
"""

import os
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF
from kombu.entity import Exchange, Queue

from labeller.config import paths

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA = paths.data_directory(dict(os.environ))
RUNTIME = paths.runtime_directory(DATA, dict(os.environ))
MEDIA = DATA / "derivatives"
STORAGE_URL = os.environ.get("STORAGE_URL", "").rstrip("/")
EMBEDDINGS = f"{STORAGE_URL}/embeddings" if STORAGE_URL else DATA / "embeddings"
NETWORKS = f"{STORAGE_URL}/networks" if STORAGE_URL else DATA / "networks"  # one's own: uploaded, tuned, adapted
VECTORS = DATA / "vectors"  # files of word vectors that somebody put there
CACHE = DATA / "cache"  # may be deleted: copies of what lies in an object store, vectors that wait for their jobs
IMAGE_URLS = [url.rstrip("/") for url in (STORAGE_URL, *os.environ.get("IMAGE_URLS", "").split(",")) if url]
MOVED_FROM = os.environ.get("MOVED_FROM", "")
FOLLOW_LINKS = os.environ.get("FOLLOW_LINKS") == "1"
DEVICE = os.environ.get("DEVICE", "")
FEATURISERS = list(filter(None, os.environ.get("FEATURISERS", "").split(",")))
MODULES = list(filter(None, os.environ.get("MODULES", "").split(",")))
HEADS = DATA / "heads"
MODELS = DATA / "models"
# Compiled networks are code: not from the system's temporary directory, where anybody may have put them.
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(MODELS / "compiled"))

try:
    DATA_MODE = paths.data_mode(dict(os.environ))
    os.umask(0o777 & ~DATA_MODE)  # of every process of the program: all of them come by here
    for mended in paths.protect(DATA, dict(os.environ)):
        print(mended, file=sys.stderr)
    SECRET_KEY = os.environ.get("SECRET_KEY") or paths.secret_key(DATA)
except paths.Unsafe as error:
    sys.exit(str(error))
except OSError as error:  # the first time that anything is written: say it in one line
    sys.exit(f"Cannot write to {DATA}: {error.strerror}. Set DATA to another folder.")
SECURE = os.environ.get("SECURE") == "1"
DEBUG = False
HOST = os.environ.get("HOST") or "127.0.0.1"
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", HOST, *filter(None, os.environ.get("ALLOWED_HOSTS", "").split(","))]
if HOST in {"0.0.0.0", "::"}:  # noqa: S104 - the operator asked to be reachable under any of the machine's names
    ALLOWED_HOSTS = ["*"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "axes",
    "csp",
    "labeller.accounts",
    "labeller.projects",
    "labeller.samples",
    "labeller.jobs",
    "labeller.labels",
    "labeller.embedding",
    "labeller.learning",
    "labeller.transfer",
    "labeller.annotating",
    "labeller.insights",
    "labeller.exchange",
    "labeller.managing",
    "labeller.operations",
]
MIDDLEWARE = [
    "labeller.operations.edge.StorableRequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "labeller.operations.access_log.AccessLogMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "labeller.operations.middleware.OutageMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "labeller.accounts.middleware.OneTimePasswordMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "labeller.config.urls"
WSGI_APPLICATION = "labeller.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static"],
        },
    }
]

# --- database -------------------------------------------------------------------------------------


# A person waits for an answer of the web server; a worker's statement, or a migration's, takes as long as it takes.
IS_WEB = os.environ.get("PROCESS") == "web"


def database() -> dict[str, Any]:
    """PostgreSQL where DATABASE_URL names it, else SQLite in DATA."""
    if os.environ.get("DATABASE_URL"):
        return postgresql(os.environ["DATABASE_URL"])
    return {
        "ENGINE": "labeller.config.sqlite",
        "NAME": DATA / "labeller.sqlite3",
        # IMMEDIATE: a transaction takes its write lock at once, so that it waits instead of failing half-way.
        # The rollback journal, not WAL: SQLite before 3.51.3 can lose a commit when WAL is reset.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 12 if IS_WEB else 20,
            "init_command": "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;",
        },
        "CONN_MAX_AGE": 60,
    }


def postgresql(url: str) -> dict[str, Any]:
    """What the URL says, with an end to every wait for a server that is away; its own options come first."""
    found: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
    limits = {"idle_in_transaction_session_timeout": "15min"}
    if IS_WEB:
        found["ENGINE"] = "labeller.config.postgresql"
        limits = {"statement_timeout": "15s", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s"}
    found["OPTIONS"] = {
        "connect_timeout": 4 if IS_WEB else 10,
        # A machine that vanished without a word is noticed within half a minute.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 25_000,
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        **found.get("OPTIONS", {}),
    }
    return found


DATABASES = {"default": database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- people ---------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
try:
    TRUSTED_PROXIES = [
        ip_network(each.strip()) for each in os.environ.get("TRUSTED_PROXIES", "").split(",") if each.strip()
    ]
except ValueError as error:
    sys.exit(f"TRUSTED_PROXIES must be addresses or networks, such as 127.0.0.1 or 10.0.0.0/8: {error}.")
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "projects:list"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
MOST_FAILURES_OF_A_PLACE = 100  # over all names: a class of people behind one address may mistype now and then
# A guesser locks out neither others nor the person elsewhere: a name counts only together with an address.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "ip_address"]
AXES_HANDLER = "labeller.accounts.clients.LoginLimits"
AXES_CLIENT_IP_CALLABLE = "labeller.accounts.clients.network"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # refused attempts are not recorded: their rows would grow
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_LOCKOUT_TEMPLATE = "429.html"

# --- web ------------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
FILE_UPLOAD_PERMISSIONS = 0o666 & DATA_MODE  # of the static files too
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "labeller.config.static.VersionedStaticFiles"},
}
WHITENOISE_MAX_AGE = 0
WHITENOISE_IMMUTABLE_FILE_TEST = r"/static/[0-9a-f]{16}/"  # the folder of a version, see config/static.py
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SITE_MARK = paths.site_mark(DATA, os.environ.get("DATABASE_URL", ""))
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"sessionid-{SITE_MARK}", f"csrftoken-{SITE_MARK}"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE else None
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

LANGUAGE_CODE = "en"
# To add one: name it here, `manage.py makemessages --locale CODE`, translate what that wrote, `make messages`.
LANGUAGES = [("en", "English"), ("nl", "Dutch")]
LOCALE_PATHS = [BASE_DIR / "labeller" / "locale"]
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = SECURE
LANGUAGE_COOKIE_HTTPONLY = True
try:
    TIME_ZONE = paths.time_zone(dict(os.environ))  # the hour of the nightly refit is meant in it
except ValueError as error:
    sys.exit(str(error))
USE_TZ = True

# --- workers --------------------------------------------------------------------------------------

EMBEDDED_REDIS = not os.environ.get("REDIS_URL")
REDIS_SOCKET = RUNTIME / "redis.sock"
# Celery and redis-py spell a Unix socket differently.
REDIS_URL = os.environ.get("REDIS_URL") or f"unix://{REDIS_SOCKET}?db=0"
CELERY_BROKER_URL = os.environ.get("REDIS_URL") or f"redis+socket://{REDIS_SOCKET}?virtual_host=0"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 900,
    "socket_keepalive": True,
    "socket_timeout": 10,
    # Sending gives up at once where the broker is away: a person saving a label must not wait, the sweeper sends again.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
CELERY_TASK_QUEUES = [Queue(name, Exchange(name), routing_key=name) for name in ("embed", "train", "io", "tune")]
CELERY_TASK_DEFAULT_QUEUE = "io"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TASK_SOFT_TIME_LIMIT = 780
CELERY_TASK_TIME_LIMIT = 840
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    "sweep-jobs": {"task": "labeller.jobs.tasks.sweep", "schedule": 5.0, "options": {"queue": "io", "expires": 10}},
    "fold-tallies": {
        "task": "labeller.labels.tasks.fold_tallies",
        "schedule": 30.0,
        "options": {"queue": "io", "expires": 30},
    },
    "retrain-stale": {
        "task": "labeller.learning.tasks.retrain_stale",
        "schedule": 30.0,
        "options": {"queue": "io", "expires": 30},
    },
    "tune-due": {
        "task": "labeller.transfer.tasks.tune_due",
        "schedule": 600.0,
        "options": {"queue": "io", "expires": 600},
    },
    "retrain-due": {
        "task": "labeller.learning.tasks.retrain_due",
        "schedule": 60.0,
        "options": {"queue": "io", "expires": 60},
    },
    "clean": {
        "task": "labeller.accounts.tasks.clean",
        "schedule": 3600.0,
        "options": {"queue": "io", "expires": 3600},
    },
    "thin": {
        "task": "labeller.learning.tasks.thin",
        "schedule": 300.0,
        "options": {"queue": "io", "expires": 300},
    },
    "go-on-removing": {
        "task": "labeller.managing.tasks.go_on_removing",
        "schedule": 60.0,
        "options": {"queue": "io", "expires": 60},
    },
    "retry-missing": {
        "task": "labeller.embedding.tasks.retry_missing",
        "schedule": 30.0,
        "options": {"queue": "io", "expires": 30},
    },
}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA / "beat-schedule")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "bare": {"format": "%(asctime)s %(message)s"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "plain"},
        "access": {
            "class": "labeller.operations.logs.LogFile",
            "filename": DATA / "logs" / "access.log",
            "formatter": "bare",
        },
    },
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "INFO")},
    "loggers": {
        "axes": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "labeller.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
    },
}
