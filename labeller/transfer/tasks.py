"""Jobs that try, tune and adapt featurisers."""

from labeller.jobs.registry import handler
from labeller.transfer import tuning

handler("finetune")(tuning.finetune)
