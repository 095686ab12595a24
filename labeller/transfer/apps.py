from django.apps import AppConfig


class TransferConfig(AppConfig):
    name = "labeller.transfer"

    def ready(self) -> None:
        from labeller.learning.signals import learnt
        from labeller.transfer.levels import leave_unused

        learnt.connect(leave_unused)
