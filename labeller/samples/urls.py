from django.urls import path

from labeller.samples import views

app_name = "samples"
urlpatterns = [path("samples/<int:sample_id>/<int:size>.jpg", views.image, name="image")]
