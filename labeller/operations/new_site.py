"""The tables of a new site, made at once as they are after the last migration.

Going through all migrations takes a first start five times as long: for each the models of then are put together anew.
What migrations do besides is done as well, but for moving rows (`elidable`): there are none.
"""

from django.db import connections
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import RunPython
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import StateApps
from django.db.models import Model


def make_tables(database: str) -> None:
    """Make all tables in a database that has none, and note every migration as done: in one transaction."""
    connection = connections[database]
    loader, recorder = MigrationLoader(connection), MigrationRecorder(connection)
    apps = loader.project_state().apps
    with connection.schema_editor() as editor:
        models: list[type[Model]] = [recorder.Migration, *apps.get_models()]
        for model in models:
            if model._meta.managed and not model._meta.proxy:
                editor.create_model(model)
        _run_besides(loader, apps, editor)
        done = [recorder.Migration(app=app, name=name) for app, name in _in_order(loader)]
        recorder.migration_qs.bulk_create(done)


def _in_order(loader: MigrationLoader) -> list[tuple[str, str]]:
    """Every migration, each after those it needs."""
    found = (key for leaf in loader.graph.leaf_nodes() for key in loader.graph.forwards_plan(leaf))
    return list(dict.fromkeys(found))


def _run_besides(loader: MigrationLoader, apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Do what migrations do that isn't of the models and not of rows."""
    for key in _in_order(loader):
        for operation in loader.graph.nodes[key].operations:
            if isinstance(operation, RunPython) and not operation.elidable:
                operation.code(apps, editor)
