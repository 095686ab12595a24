from django.apps import AppConfig


class LearningConfig(AppConfig):
    name = "labeller.learning"

    def ready(self) -> None:
        from django.conf import settings

        from labeller.embedding.signals import embeddings_changed
        from labeller.learning.asking import rank_anew
        from tl_core import importing

        embeddings_changed.connect(rank_anew)
        importing.allow(*settings.MODULES)
