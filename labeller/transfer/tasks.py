"""Jobs that try, tune and adapt featurisers."""

from celery import shared_task

from labeller.jobs.registry import handler
from labeller.transfer import (
    adapting,
    advising,
    fitting_texts,
    levels,
    nightly,
    switching,
    training_vectors,
    tuning,
    uploading,
    vocabulary,
)

handler("vocabulary")(vocabulary.look)
handler("adapt")(adapting.adapt)
handler("vectors")(training_vectors.train)
handler("advise")(advising.advise)
handler("switch")(switching.switch)
handler("levels")(levels.settle)
handler("finetune")(tuning.finetune)
handler("fit")(fitting_texts.fit)
handler("network")(uploading.look)


@shared_task
def tune_due() -> None:
    """Fine-tune by night where a project wants it; go back from what audit samples say is worse."""
    nightly.go_back_where_worse()
    nightly.tune_due()
