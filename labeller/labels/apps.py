from django.apps import AppConfig


class LabelsConfig(AppConfig):
    name = "labeller.labels"

    def ready(self) -> None:
        from labeller.labels.recording import adopt_known
        from labeller.labels.tallies import add_samples
        from labeller.samples.signals import labels_known, shard_known

        labels_known.connect(adopt_known)
        shard_known.connect(add_samples)
