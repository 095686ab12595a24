from django.apps import AppConfig


class InsightsConfig(AppConfig):
    name = "labeller.insights"

    def ready(self) -> None:
        from labeller.insights.estimates import keep_summary
        from labeller.learning.signals import learnt

        learnt.connect(keep_summary)
