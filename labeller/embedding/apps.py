from django.apps import AppConfig


class EmbeddingConfig(AppConfig):
    name = "labeller.embedding"

    def ready(self) -> None:
        from labeller.embedding import ahead, runs
        from labeller.jobs.signals import given_up
        from labeller.samples.signals import content_changed, pictures_come, shard_known
        from tl_core.featurisers import cards
        from tl_core.texts import fitted

        shard_known.connect(runs.adopt_shard)
        content_changed.connect(runs.embed_again)
        pictures_come.connect(ahead.watch)
        given_up.connect(runs.note_given_up)
        cards.configure(runs.networks)
        fitted.configure(runs.networks)
