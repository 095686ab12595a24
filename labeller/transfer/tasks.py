"""Jobs that try, tune and adapt featurisers."""

from labeller.jobs.registry import handler
from labeller.transfer import adapting, advising, levels, switching, tuning, uploading

handler("adapt")(adapting.adapt)
handler("advise")(advising.advise)
handler("switch")(switching.switch)
handler("levels")(levels.settle)
handler("finetune")(tuning.finetune)
handler("network")(uploading.look)
