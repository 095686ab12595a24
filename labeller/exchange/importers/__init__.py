"""Formats of others that can be read, by name."""

from typing import Any

IMPORTERS: dict[str, Any] = {}
