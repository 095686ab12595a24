from django.contrib.auth import views as auth
from django.urls import include, path

from labeller.accounts import views

own = [path("keys/", views.keys, name="keys")]

urlpatterns = [
    path("login/", auth.LoginView.as_view(template_name="accounts/login.html"), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("", include((own, "accounts"))),
]
