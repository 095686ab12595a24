"""What embedding tells the apps above it."""

from django.dispatch import Signal

# There is more to rank by, or something else: a shard of the run that a project learns from is embedded, or the project
# learns from another run. Argument: project. Sent inside the transaction that writes it.
embeddings_changed = Signal()
