"""The Django site: one package an app, lowest first in docs/architecture.md."""
