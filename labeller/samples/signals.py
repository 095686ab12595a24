"""What ingest tells the apps above it."""

from django.dispatch import Signal

# Folders or a table say what the labels of samples are. Arguments: question, known ({sample id: class ids}; none of
# them = nothing any more), may_change (whether another label of an import gives way). Outside of transactions.
# Replies name the samples that keep another label, each with the code of why: see samples/told.py.
labels_known = Signal()

# A shard's samples are known and can be embedded. Arguments: project, shard (its number), count (of samples).
# Sent inside the transaction that writes them.
shard_known = Signal()

# The content of samples of a shard changed, or one of them is back: it is to be embedded again. Arguments as above.
# Sent inside the transaction that writes them.
content_changed = Signal()

# A shard's pictures are about to be looked at, for the first time. Arguments: project, shard (its number). Outside of
# transactions. A reply other than None is a context manager of an `onlooking.Onlooker`.
pictures_come = Signal()
