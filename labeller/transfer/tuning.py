"""Fine-tuning the project's network on its own answers: a job of the queue `tune`."""

from labeller.jobs import queueing as jobs


def finetune(progress: jobs.Progress) -> None:
    """Train the upper part of the network on the answers of a question."""
