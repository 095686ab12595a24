from typing import Any

app_name = "transfer"
urlpatterns: list[Any] = []
