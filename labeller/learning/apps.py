from django.apps import AppConfig


class LearningConfig(AppConfig):
    name = "labeller.learning"

    def ready(self) -> None:
        from labeller.learning.embedding import adopt_shard
        from labeller.samples.signals import shard_known

        shard_known.connect(adopt_shard)
