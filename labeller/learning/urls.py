from django.urls import path

from labeller.learning import views

app_name = "learning"
urlpatterns = [
    path("projects/<slug:slug>/embedding/<slug:action>/", views.embedding_action, name="embedding"),
    path("projects/<slug:slug>/train/", views.train, name="train"),
]
