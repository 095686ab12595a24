"""Forms of a person's own pages: logging in, a password, keys."""

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm, UsernameField
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from labeller.accounts import access, keymap
from labeller.accounts.keymap import Command

FIRST = {"digit": _("Deciding"), "previous": _("Moving and selecting"), "zoom_in": _("Looking")}


class LoginForm(AuthenticationForm):
    """Name and password; one that was made for somebody doesn't hold for ever."""

    username = UsernameField(max_length=150, widget=forms.TextInput(attrs={"autofocus": True}))

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        if user.must_choose_password and user.one_time_until < timezone.now():
            raise ValidationError(
                _("This one-time password is too old by now. Ask an administrator for another one."), code="expired"
            )


class NewPasswordForm(SetPasswordForm):  # type: ignore[type-arg]
    """The first password of one's own, after a one-time one, which it must not be."""

    def clean_new_password1(self) -> str:
        given: str = self.cleaned_data["new_password1"]
        if self.user.check_password(given):
            raise ValidationError(_("This is the one-time password: choose another one."), code="same")
        return given


class OwnPasswordForm(PasswordChangeForm):
    """Another password instead of one's own. Guesses at the present one count as those at the login do."""

    def __init__(self, request: HttpRequest, given: Any) -> None:
        super().__init__(access.account(request.user), given)
        self.request = request

    def clean_old_password(self) -> str:
        given: str = self.cleaned_data["old_password"]
        if authenticate(self.request, username=self.user.get_username(), password=given) is None:
            raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return given


def password_form(request: HttpRequest, given: Any) -> forms.Form:
    """What changes this person's password; the present one is asked for unless it was a one-time one."""
    person = access.account(request.user)
    if person.must_choose_password:
        return NewPasswordForm(person, given)
    return OwnPasswordForm(request, given)


class KeysForm(forms.Form):
    """One field a command; an empty one stands for the usual key. What is valid holds only what differs."""

    prefix = "key"

    def __init__(self, *args: Any, own: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.own = own
        for command in keymap.REMAPPABLE:
            usual = "".join(command.keys[:1])
            self.fields[command.name] = forms.CharField(
                label=str(command.text),
                required=False,
                initial=own.get(command.name, usual),
                widget=forms.TextInput(
                    attrs={
                        "placeholder": "+".join(str(part) for part in keymap.parts(usual)) if usual else "",
                        "maxlength": keymap.LONGEST,
                        "autocomplete": "off",
                        "autocapitalize": "off",
                        "spellcheck": "false",
                        "aria-describedby": f"problem-{command.name}",
                    }
                ),
            )

    def clean(self) -> dict[str, str]:
        given = super().clean() or {}
        own = keymap.changed({name: keymap.tidy(key) for name, key in given.items()})
        for name, sentence in keymap.problems(own).items():
            self.add_error(name, sentence)
        return own

    def sections(self) -> list[dict[str, Any]]:
        """All commands, those with fixed keys too, in the order of the list."""
        found: list[dict[str, Any]] = []
        for command in keymap.COMMANDS:
            if command.name in FIRST:
                found.append({"title": FIRST[command.name], "rows": []})
            found[-1]["rows"].append(self._row(command))
        return found

    def _row(self, command: Command) -> dict[str, Any]:
        is_own = command.name in self.own
        more = () if is_own else command.keys[1:]
        return {
            "command": command,
            "texts": _texts(command),
            "always": [*command.shown, *(keymap.parts(key) for key in (*more, *command.always))],
            "field": None if command.is_fixed else self[command.name],
            "is_own": is_own,
        }


def _texts(command: Command) -> list[tuple[str | Promise, list[str | Promise]]]:
    """What the command does, and in which modes, where that isn't all of them."""
    tiles = [mode for mode in command.modes if mode in keymap.TILES]
    if command.on_tiles:
        rest = [mode for mode in command.modes if mode not in tiles]
        return [(command.text, _names(rest)), (command.on_tiles, _names(tiles))]
    return [(command.text, [] if command.modes == keymap.ALL else _names(command.modes))]


def _names(modes: Any) -> list[str | Promise]:
    return [keymap.MODES[mode] for mode in modes]
