"""The JSON endpoints of all labelling screens: samples out, judgements in."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from labeller.annotating import forms, holding, saving
from labeller.annotating.handing import bursts, single, state
from labeller.annotating.views.common import asked, explains
from labeller.annotating.wire import pages
from labeller.annotating.wire.samples import samples_json
from labeller.labels.models import Label
from labeller.projects import making as projects


@require_POST
@explains
def next_samples(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Samples to label next."""
    member, question = asked(request, slug, key)
    body = forms.body(request)
    mode = bursts if body.get("mode") == Label.Mode.SEQUENCE else single
    batch = mode.next_batch(member.person, question, forms.wanted(body))
    return JsonResponse(
        {
            "samples": samples_json(member.person, question, batch.assignments),
            "kept": sorted(batch.kept),
            "round": pages.round_json(batch.round),
            # Counting takes time in a large project: a page that only refills does without.
            "pool": pages.pool(question) if body.get("pool", True) else None,
            "state": batch.state,
            "message": pages.preparing_message(question) if batch.state == "preparing" else "",
        }
    )


@require_POST
@explains
def save(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Take judgements and flags in; each is answered for itself, after all have been committed."""
    member, question = asked(request, slug, key)
    events = forms.events(forms.body(request), member.person, question)
    recorded = saving.save(member, question, events)
    results = pages.results_json([event.uuid for event in events], recorded)
    statuses = {result["status"] for result in results}
    return JsonResponse(
        {
            "results": results,
            "round": pages.round_json(state.current_round(question)),
            **pages.counts(question),
        },
        status=statuses.pop() if len(statuses) == 1 else 207,
    )


@require_POST
@explains
def release(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Give samples back that a tab holds and will not label: it is being closed."""
    member, question = asked(request, slug, key)
    body = forms.body(request)
    samples = forms.whole_numbers(body["samples"], "samples") if "samples" in body else None
    holding.release(member.person, question, forms.tab(body), samples)
    return HttpResponse(status=204)


@require_POST
@explains
def classes(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Make a class while labelling; the same name again gives the class there is."""
    member, question = asked(request, slug, key)
    if not pages.may_add_classes(member):
        raise PermissionDenied("only managers make classes here")
    name = forms.body(request).get("name")
    try:
        label_class, made = projects.ensure_class(question, name if isinstance(name, str) else "")
    except ValidationError as error:
        return JsonResponse({"detail": error.messages[0]}, status=422)
    return JsonResponse({"class": pages.class_json(label_class)}, status=201 if made else 200)
