"""Jobs that try, tune and adapt featurisers."""

from labeller.jobs.registry import handler
from labeller.transfer import advising, switching, tuning

handler("advise")(advising.advise)
handler("switch")(switching.switch)
handler("finetune")(tuning.finetune)
