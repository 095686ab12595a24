from django.contrib.auth import views as auth
from django.urls import include, path

from labeller.accounts import administration, views
from labeller.accounts.forms import LoginForm

own = [
    path("keys/", views.keys, name="keys"),
    path("account/", views.account, name="account"),
    path("account/password/", views.password, name="password"),
    path("account/log-out/", views.log_out_everywhere, name="log_out_everywhere"),
    path("people/", administration.people, name="people"),
    path("people/<int:user_id>/password/", administration.new_password, name="new_password"),
    path("people/<int:user_id>/active/", administration.set_active, name="set_active"),
    path("people/<int:user_id>/log-out/", administration.log_out, name="log_out"),
]

urlpatterns = [
    path(
        "login/",
        auth.LoginView.as_view(template_name="accounts/login.html", authentication_form=LoginForm),
        name="login",
    ),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("", include((own, "accounts"))),
]
