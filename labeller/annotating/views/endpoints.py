"""The JSON endpoints of all labelling screens: samples out, judgements in."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from labeller.annotating import forms, handing, holding, reviewing, saving, selectors
from labeller.annotating.views.common import asked, explains
from labeller.projects import making as projects


@require_POST
@explains
def next_samples(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Samples to label next."""
    member, question = asked(request, slug, key)
    body = forms.body(request)
    wanted = forms.wanted(body, high=handing.MOST_AT_ONCE)
    batch = handing.next_batch(member.person, question, wanted)
    return JsonResponse(
        {
            "samples": selectors.samples_json(member.person, question, batch.assignments),
            "kept": sorted(batch.kept),
            "round": selectors.round_json(batch.round),
            # Counting takes time in a large project: a page that only refills does without.
            "pool": selectors.pool(question) if body.get("pool", True) else None,
            "state": batch.state,
            "message": selectors.preparing_message(question) if batch.state == "preparing" else "",
        }
    )


@require_POST
@explains
def save(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Take judgements and flags in; each is answered for itself, after all have been committed."""
    member, question = asked(request, slug, key)
    events = forms.events(forms.body(request), member.person, question)
    recorded = saving.save(member, question, events)
    results = selectors.results_json([event.uuid for event in events], recorded)
    statuses = {result["status"] for result in results}
    return JsonResponse(
        {
            "results": results,
            "round": selectors.round_json(handing.current_round(question)),
            **selectors.counts(question),
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
    for each in (holding, reviewing):
        each.release(member.person, question, forms.tab(body), samples)
    return HttpResponse(status=204)


@require_POST
@explains
def classes(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """Make a class while labelling; the same name again gives the class there is."""
    member, question = asked(request, slug, key)
    if not selectors.may_add_classes(member):
        raise PermissionDenied("only managers make classes here")
    name = forms.body(request).get("name")
    try:
        label_class, made = projects.ensure_class(question, name if isinstance(name, str) else "")
    except ValidationError as error:
        return JsonResponse({"detail": error.messages[0]}, status=422)
    return JsonResponse({"class": selectors.class_json(label_class)}, status=201 if made else 200)
