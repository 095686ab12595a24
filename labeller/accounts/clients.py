"""Where a request comes from, and how often somebody there may be wrong about a password."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest

Address = IPv4Address | IPv6Address
NEIGHBOURS = 64  # bits of an IPv6 address that one subscriber's share: they may take any address with them


def address(request: HttpRequest) -> Address | None:
    """The client's address: the peer's or, where that is a proxy of ours (TRUSTED_PROXIES), what it says.

    Of the addresses in X-Forwarded-For the last one that is no proxy of ours counts: any before it may be made up.
    """
    found = _parsed(request.META.get("REMOTE_ADDR", ""))
    if not settings.TRUSTED_PROXIES or not (found is None or _is_ours(found)):
        return found
    for written in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        said = _parsed(written)
        if said is None:
            break
        found = said
        if not _is_ours(said):
            break
    return found


def network(request: HttpRequest) -> str | None:
    """What attempts to log in are counted by: an IPv4 address, or the network of an IPv6 one."""
    found = address(request)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, NEIGHBOURS), strict=False).network_address)
    return str(found) if found else None


def _is_ours(found: Address) -> bool:
    return any(found in proxies for proxies in settings.TRUSTED_PROXIES)


def _parsed(written: str) -> Address | None:
    """An address as proxies write it: with a port or without, an IPv4 one perhaps as IPv6; None where it is none."""
    text = written.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


class LoginLimits(AxesDatabaseHandler):
    """So many wrong passwords from one place: few for one name, more over all names.

    What others do elsewhere never counts, so that nobody can lock out somebody else by their name.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        one_name, all_names = (
            attempts.aggregate(n=Sum("failures_since_start"))["n"] or 0
            for attempts in self.get_user_attempts(request, credentials)
        )
        return max(one_name, all_names * settings.AXES_FAILURE_LIMIT // settings.MOST_FAILURES_OF_A_PLACE)
