"""Jobs that try, tune and adapt featurisers."""

from labeller.jobs.registry import handler
from labeller.transfer import switching, tuning

handler("switch")(switching.switch)
handler("finetune")(tuning.finetune)
