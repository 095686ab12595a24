from django.apps import AppConfig


class EmbeddingConfig(AppConfig):
    name = "labeller.embedding"

    def ready(self) -> None:
        from labeller.embedding.runs import adopt_shard, embed_again
        from labeller.samples.signals import content_changed, shard_known

        shard_known.connect(adopt_shard)
        content_changed.connect(embed_again)
