from django.apps import AppConfig


class LearningConfig(AppConfig):
    name = "labeller.learning"

    def ready(self) -> None:
        from django.conf import settings

        from labeller.learning.embedding import adopt_shard
        from labeller.samples.signals import shard_known
        from tl_core import importing

        shard_known.connect(adopt_shard)
        importing.allow(*settings.MODULES)
