"""Writing very many rows straight into a table, on both databases."""

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np

TOGETHER = 5000  # rows written at once


def load(model: Any, names: Sequence[str], rows: Iterable[tuple[Any, ...]], **same: Any) -> None:
    """Insert rows that give these columns; others are `same` for all, or have the field's default."""
    from django.db import connection
    from django.utils import timezone

    fields = {field.attname: field for field in model._meta.local_concrete_fields}
    rest = [field for name, field in fields.items() if name not in names and (name != "id" or "id" in same)]

    def value(field: Any) -> Any:
        if field.attname in same:
            return same[field.attname]
        if getattr(field, "auto_now_add", False):
            return timezone.now()
        return field.get_db_prep_save(field.get_default(), connection)

    constants = tuple(_plain(value(field), connection.vendor) for field in rest)
    columns = [fields[name].column for name in names] + [field.column for field in rest]
    table = connection.ops.quote_name(model._meta.db_table)
    quoted = ", ".join(map(connection.ops.quote_name, columns))
    plain = (tuple(_plain(each, connection.vendor) for each in row) + constants for row in rows)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({quoted}) FROM STDIN") as copy:
                for row in plain:
                    copy.write_row(row)
            if "id" in names:
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{model._meta.db_table}', 'id'), max(id)) FROM {table}"
                )
        else:
            marks = ", ".join(["%s"] * len(columns))
            for some in _batches(plain):
                cursor.executemany(f"INSERT INTO {table} ({quoted}) VALUES ({marks})", some)


def _batches(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    batch: list[tuple[Any, ...]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == TOGETHER:
            yield batch
            batch = []
    if batch:
        yield batch


def _plain(value: Any, vendor: str) -> Any:
    """A value as the database's own driver takes it."""
    if isinstance(value, (list, dict)):
        return json.dumps(value)
    if isinstance(value, np.generic):
        return value.item()
    if vendor == "sqlite":
        if isinstance(value, datetime):
            return value.replace(tzinfo=None).isoformat(" ")
        if isinstance(value, uuid.UUID):
            return value.hex
    elif hasattr(value, "obj"):  # psycopg's Json
        return json.dumps(value.obj)
    return value
