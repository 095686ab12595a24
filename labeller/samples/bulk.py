"""Writing very many rows: Django's own way takes several times as long, most of it to prepare each value by itself.

Inside a transaction, as whatever is written with it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models


def new_ids(model: type[models.Model], count: int) -> list[int]:
    """So many primary keys that nobody else uses."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            sequence = f"pg_get_serial_sequence('{table}', 'id')"
            cursor.execute(f"SELECT nextval({sequence}) FROM generate_series(1, %s)", [count])  # noqa: S608 - own name
            return [pk for (pk,) in cursor.fetchall()]
        # A transaction of SQLite has the database to itself from its beginning.
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        found = cursor.fetchone()
        first = (found[0] if found else 0) + 1
    return list(range(first, first + count))


def insert(model: type[models.Model], fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows of these fields' columns; all others stay empty."""
    own = {field.name: str(field.column) for field in model._meta.concrete_fields}
    columns = [connection.ops.quote_name(own[name]) for name in fields]
    values = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 - own names
    with connection.cursor() as cursor:
        cursor.executemany(statement, list(rows))
