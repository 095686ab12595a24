"""What the jobs tell the apps above them."""

from django.dispatch import Signal

# A job failed for the last time. Argument: job. Sent inside the transaction that gives it up.
given_up = Signal()
