"""The page of this site's own networks, for administrators."""

import uuid

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from labeller.accounts import access
from labeller.accounts.models import Role, User
from labeller.text import clean
from labeller.transfer import networks as own
from labeller.transfer import switching, uploading
from labeller.transfer.models import NetworkUpload, OwnNetwork
from labeller.transfer.network_forms import NetworkForm

ON_A_PAGE = 50
ARCHITECTURES = (
    "efficientnet-lite0", "efficientnet-lite2", "resnet18", "resnet50", "convnext_tiny", "efficientnet_v2_s",
    "mobilenet_v3_large", "vit_b_16", "swin_t", "dinov2-small", "dinov2-base", "clip/ViT-B-32", "clip/ViT-B-16", "clip",
)  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def networks(request: HttpRequest) -> HttpResponse:
    """All networks, and the form that adds one."""
    person = access.administrator(request.user)
    if request.POST.get("dismiss", "").isdecimal():
        uploading.dismiss(person, int(request.POST["dismiss"][:15]))
        return redirect("transfer:networks")
    form = NetworkForm(request.POST, request.FILES) if request.method == "POST" else NetworkForm()
    if form.is_valid():
        try:
            upload = _ask(person, form)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("%(name)s is being tried.") % {"name": upload.name})
            return redirect("transfer:networks")
    page = Paginator(own.newest_first(), ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": own.listed(list(page.object_list)),
        "uploads": uploading.shown(person),
        "form": form,
        "piece": uploading.PIECE,
        "architectures": ARCHITECTURES,
    }
    return render(request, "transfer/networks.html", context)


def _ask(person: User, form: NetworkForm) -> NetworkUpload:
    """Have the network looked at. A file that came with the form, without the script, is taken apart here."""
    given = form.cleaned_data
    token, count, file = given["token"], given["pieces"], given["file_name"]
    if given["file"]:
        token, count, file = uuid.uuid4(), 0, clean(given["file"].name)[:200]
        while piece := given["file"].read(uploading.PIECE):
            uploading.receive(person, token, count, piece)
            count += 1
    described = {name: given[name] for name in ("name", "architecture", "details")}
    return uploading.ask(person, token, count, file=file or given["name"], **described)


@require_POST
def piece(request: HttpRequest, token: uuid.UUID, number: int) -> HttpResponse:
    """A piece of a file, sent by the page's script."""
    person = access.administrator(request.user)
    try:
        uploading.receive(person, token, number, request.read(uploading.PIECE + 1))
    except ValidationError as error:
        return HttpResponse(error.messages[0], status=422, content_type="text/plain; charset=utf-8")
    return HttpResponse(status=204)


@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, digest: str) -> HttpResponse:
    """What goes with a network; deleted where somebody says so and nothing uses it."""
    access.administrator(request.user)
    network = get_object_or_404(OwnNetwork, digest=digest)
    (row,) = own.listed([network])
    if request.method == "POST":
        if own.remove(network):
            messages.success(request, _("%(name)s was deleted.") % {"name": network.name})
        else:
            messages.error(request, _("%(name)s is in use and stays.") % {"name": network.name})
        return redirect("transfer:networks")
    return render(request, "transfer/remove_network.html", {"row": row, "network": network})


@require_POST
def use_network(request: HttpRequest, slug: str, digest: str) -> HttpResponse:
    """Have a project learn from a network of the site's own, once everything is embedded by it."""
    project = access.of_photographs(request.user, slug, at_least=Role.MANAGER).project
    switching.ask(project, spec=get_object_or_404(OwnNetwork, digest=digest).spec)
    return redirect("transfer:featuriser", slug)
