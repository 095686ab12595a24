"""The tables of a new site, made at once, are those that all migrations would have made."""

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
import uuid

import psycopg
import pytest
from django.core.management import call_command

from labeller.operations import new_site

STEP_BY_STEP = (
    "import django; django.setup(); from django.core.management import call_command; "
    "from django.core.management.commands.migrate import Command; call_command(Command(), verbosity=0)"
)
SQLITE = "SELECT tbl_name, type, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
POSTGRESQL = """
    SELECT table_name, 'column', concat_ws(' ', column_name, data_type, character_maximum_length, is_nullable,
        column_default, is_identity)
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT tablename, 'index', indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT conrelid::regclass::text, 'constraint', pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
"""


def schema(rows):
    """What is said of each table, whatever order its columns come in and whatever its indexes are called."""
    nameless = (re.sub(r'^(CREATE (?:UNIQUE )?INDEX) "?\w+"?', r"\1", said) for _, _, said in rows)
    parts = (sorted(part.strip(" ()") for part in re.split(r",\s+", re.sub(r"\s+", " ", said))) for said in nameless)
    return sorted((table, kind, *each) for (table, kind, _), each in zip(rows, parts, strict=True))


@pytest.fixture
def make(tmp_path):
    """Make a site by those words after `python`; returns a function that asks its database."""
    server = os.environ.get("DATABASE_URL", "").rpartition("/")[0]
    made = []

    def site(*words):
        name = f"new_{uuid.uuid4().hex}"
        data, url = tmp_path / name, f"{server}/{name}" if server else ""
        data.mkdir()
        if server:
            with psycopg.connect(f"{server}/postgres", autocommit=True) as database:
                database.execute(f"CREATE DATABASE {name}")
            made.append(name)
        kept = {each: os.environ[each] for each in ("PATH", "HOME", "LANG") if each in os.environ}
        settings = {"DATA": str(data), "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "labeller.config.settings"}
        subprocess.run([sys.executable, *words], env={**kept, **{k: v for k, v in settings.items() if v}}, check=True)

        def ask(query):
            if url:
                with psycopg.connect(url) as database:
                    return database.execute(query).fetchall()
            with contextlib.closing(sqlite3.connect(data / "labeller.sqlite3")) as database:
                return database.execute(query).fetchall()

        return ask

    yield site
    for name in made:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as database:
            database.execute(f"DROP DATABASE {name}")


def test_they_are_those_of_the_migrations_and_so_are_their_rows(make):
    at_once, step_by_step = make("manage.py", "migrate", "--verbosity", "0"), make("-c", STEP_BY_STEP)
    asked = POSTGRESQL if os.environ.get("DATABASE_URL") else SQLITE
    assert schema(at_once(asked)) == schema(step_by_step(asked))
    migrations = "SELECT app, name FROM django_migrations ORDER BY app, name"
    assert at_once(migrations) == step_by_step(migrations)
    tables = {table for table, *_ in at_once(asked) if "(" not in table}
    for table in sorted(tables - {"django_migrations"}):
        count = f"SELECT count(*) FROM {table}"
        assert at_once(count) == step_by_step(count), table


@pytest.mark.django_db
def test_a_database_with_tables_is_only_migrated(monkeypatch):
    monkeypatch.delattr(new_site, "make_tables")
    call_command("migrate", verbosity=0)
