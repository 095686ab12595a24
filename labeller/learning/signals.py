"""What learning tells the apps above it."""

from django.dispatch import Signal

# A question's labels have been learnt from, whether or not that gave a new round. Argument: question. Sent by a worker,
# outside any transaction.
learnt = Signal()
