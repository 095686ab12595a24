"""Jobs that try, tune and adapt featurisers."""

from labeller.jobs.registry import handler
from labeller.transfer import switching, tuning, uploading

handler("switch")(switching.switch)
handler("finetune")(tuning.finetune)
handler("network")(uploading.look)
