from django.urls import path

from labeller.annotating.views import endpoints, people, screens, texts, together
from labeller.annotating.views.grid import grid_tiles
from labeller.annotating.views.hunts import hunt_start, hunt_tiles
from labeller.annotating.views.review import review_next

app_name = "annotating"
_QUESTION = "projects/<slug:slug>/label/<slug:key>/"
urlpatterns = [
    path(_QUESTION, screens.label, name="label"),
    path(f"{_QUESTION}sequence/", screens.sequence, name="sequence"),
    path(f"{_QUESTION}grid/", screens.grid, name="grid"),
    path(f"{_QUESTION}grid/tiles/", grid_tiles, name="grid_tiles"),
    path(f"{_QUESTION}hunt/", screens.hunt, name="hunt"),
    path(f"{_QUESTION}hunt/start/", hunt_start, name="hunt_start"),
    path(f"{_QUESTION}hunt/tiles/", hunt_tiles, name="hunt_tiles"),
    path(f"{_QUESTION}review/", screens.review, name="review"),
    path(f"{_QUESTION}review/next/", review_next, name="review_next"),
    path(f"{_QUESTION}next/", endpoints.next_samples, name="next"),
    path(f"{_QUESTION}labels/", endpoints.save, name="save"),
    path(f"{_QUESTION}release/", endpoints.release, name="release"),
    path(f"{_QUESTION}classes/", endpoints.classes, name="classes"),
    path(f"{_QUESTION}speaking/", texts.speaking, name="speaking"),
    path("projects/<slug:slug>/texts/<int:sample_id>/<int:start>/", texts.reading, name="reading"),
    path("projects/<slug:slug>/together/", together.screen, name="together"),
    path("projects/<slug:slug>/together/next/", together.next_samples, name="together_next"),
    path("projects/<slug:slug>/together/labels/", together.save, name="together_save"),
    path("projects/<slug:slug>/together/release/", together.release, name="together_release"),
    path("projects/<slug:slug>/history/", people.history, name="history"),
    path("projects/<slug:slug>/history/withdraw/", people.withdraw, name="withdraw"),
    path("projects/<slug:slug>/flagged/", people.flagged, name="flagged"),
    path("projects/<slug:slug>/flagged/close/", people.close_flag, name="close_flag"),
]
