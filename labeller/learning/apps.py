from django.apps import AppConfig


class LearningConfig(AppConfig):
    name = "labeller.learning"

    def ready(self) -> None:
        from django.conf import settings

        from labeller.learning.embedding import adopt_shard, embed_again
        from labeller.samples.signals import content_changed, shard_known
        from tl_core import importing

        shard_known.connect(adopt_shard)
        content_changed.connect(embed_again)
        importing.allow(*settings.MODULES)
