from django.apps import AppConfig


class EmbeddingConfig(AppConfig):
    name = "labeller.embedding"

    def ready(self) -> None:
        from labeller.embedding.runs import adopt_shard, embed_again, note_given_up
        from labeller.jobs.signals import given_up
        from labeller.samples.signals import content_changed, shard_known

        shard_known.connect(adopt_shard)
        content_changed.connect(embed_again)
        given_up.connect(note_given_up)
