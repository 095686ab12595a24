from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "labeller.operations"

    def ready(self) -> None:
        from labeller.operations import workers

        workers.connect_signals()
