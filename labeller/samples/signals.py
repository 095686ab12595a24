"""What ingest tells the apps above it."""

from django.dispatch import Signal

# Names of folders said what the label of new samples is. Arguments: question, known (pairs of sample and class).
# Sent inside the transaction that writes the samples.
labels_known = Signal()

# A shard's samples are known and can be embedded. Arguments: project, shard (its number), count (of samples).
# Sent inside the transaction that writes them.
shard_known = Signal()

# The content of samples of a shard changed, or one of them is back: it is to be embedded again. Arguments as above.
# Sent inside the transaction that writes them.
content_changed = Signal()
