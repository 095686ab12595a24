"""People and roles."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from labeller.accounts import admitting
from labeller.accounts.models import Membership, Role, User
from tests import factories

pytestmark = pytest.mark.django_db


def role_of(foxes, name):
    return Membership.objects.filter(project=foxes.project, user__username=name).values_list("role", flat=True).first()


def test_a_new_name_gets_an_account_and_a_password_that_works(foxes, client):
    password = admitting.set_role(foxes.project, "nina", Role.ANNOTATOR, by=Role.MANAGER)
    assert len(password) >= 12
    assert role_of(foxes, "nina") == "annotator"
    assert client.login(username="nina", password=password)


def test_somebody_who_has_an_account_keeps_their_password(foxes):
    assert admitting.set_role(foxes.project, "sam", Role.VIEWER, by=Role.MANAGER) is None
    assert role_of(foxes, "sam") == "viewer"


def test_a_role_is_changed_and_not_given_twice(foxes):
    assert admitting.set_role(foxes.project, "ana", Role.MANAGER, by=Role.MANAGER) is None
    assert role_of(foxes, "ana") == "manager"
    assert Membership.objects.filter(project=foxes.project, user=foxes.ana).count() == 1


@pytest.mark.parametrize(("name", "role"), [("ana", Role.OWNER), ("nina", Role.OWNER), ("olga", Role.VIEWER)])
def test_a_manager_makes_no_owner_and_touches_none(foxes, name, role):
    before = role_of(foxes, name)
    with pytest.raises(ValidationError, match="Only an owner"):
        admitting.set_role(foxes.project, name, role, by=Role.MANAGER)
    assert role_of(foxes, name) == before
    assert not User.objects.filter(username="nina").exists()


def test_the_last_owner_stays(foxes):
    with pytest.raises(ValidationError, match="at least one owner"):
        admitting.set_role(foxes.project, "olga", Role.MANAGER, by=Role.OWNER)
    assert role_of(foxes, "olga") == "owner"
    admitting.set_role(foxes.project, "mia", Role.OWNER, by=Role.OWNER)
    admitting.set_role(foxes.project, "olga", Role.MANAGER, by=Role.OWNER)
    assert role_of(foxes, "olga") == "manager"


def test_the_database_knows_roles_and_one_membership_a_person(foxes):
    for fields in ({"user": foxes.sam, "role": "king"}, {"user": foxes.ana, "role": "viewer"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Membership.objects.create(project=foxes.project, **fields)


def test_the_administrator_is_made_once_and_gets_a_password_until_they_chose_one(db, client):
    lost = admitting.ensure_administrator()
    password = admitting.ensure_administrator()
    assert not client.login(username="admin", password=lost)
    assert client.login(username="admin", password=password)
    administrator = User.objects.get()
    assert administrator.is_superuser and administrator.must_choose_password
    another = admitting.ensure_administrator()
    assert another not in {None, password}, "who logged in but chose none could be locked out"
    admitting.choose_password(administrator, "seven grey herons")
    assert admitting.ensure_administrator() is None
    assert client.login(username="admin", password="seven grey herons")


def test_a_site_that_somebody_runs_already_makes_no_password_known(db):
    factories.person("ada", is_superuser=True, last_login=timezone.now())
    factories.person("eve", is_superuser=True)
    assert admitting.ensure_administrator() is None
    assert User.objects.count() == 2


def test_an_administrator_of_an_earlier_version_who_never_logged_in_gets_a_password(db):
    ada = factories.person("ada", is_superuser=True)
    password = admitting.ensure_administrator()
    ada.refresh_from_db()
    assert ada.check_password(password) and ada.must_choose_password


def test_two_administrators_cannot_close_each_others_account(db):
    ada, eve = (factories.person(name, is_superuser=True) for name in ("ada", "eve"))
    admitting.set_active(eve, active=False, by=ada)
    with pytest.raises(ValidationError, match="your own account"):
        admitting.set_active(ada, active=False, by=eve)
    assert list(User.objects.filter(is_active=True)) == [ada]


def test_a_password_can_be_replaced_from_the_command_line(foxes, client, capsys):
    call_command("password", "ana")
    assert client.login(username="ana", password=capsys.readouterr().out.split()[-1])
    with pytest.raises(CommandError, match="nobody"):
        call_command("password", "nobody")


def test_a_simulated_annotator_cannot_log_in(foxes):
    oracle = admitting.simulated_annotator(foxes.project)
    assert admitting.simulated_annotator(foxes.project) == oracle
    assert oracle.is_simulated and not oracle.has_usable_password()
    assert role_of(foxes, oracle.username) == "annotator"


@pytest.mark.parametrize("stronger", [Role.MANAGER, Role.OWNER])
def test_roles_are_ordered(stronger):
    assert stronger in Role.at_least(Role.ANNOTATOR)
    assert Role.VIEWER not in Role.at_least(Role.ANNOTATOR)
    assert Role.at_least(Role.VIEWER) == list(Role)
