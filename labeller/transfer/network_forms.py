"""The form by which an administrator adds a network."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from labeller.projects.class_forms import TidyField
from labeller.text import storable

MOST_DETAILS = 20_000


class JsonField(forms.CharField):
    """An object of JSON, as people paste it."""

    widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false"})

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return {}
        try:
            given = json.loads(text)
            plain = json.dumps(given, ensure_ascii=False, allow_nan=False)
        except (ValueError, RecursionError) as error:
            raise ValidationError(gettext("This is no JSON: %(error)s") % {"error": str(error)[:200]}) from error
        if "\\u0000" in plain or storable(plain) != plain:  # no database takes these
            raise ValidationError(gettext("This is no JSON: %(error)s") % {"error": "NUL"})
        if not isinstance(given, dict):
            raise ValidationError(gettext('Write an object, such as {"crop": 224}.'))
        return given


class NetworkForm(forms.Form):
    """A file, and what its network is. A script sends the file before, in pieces, and then this with their number."""

    name = TidyField(label=_("Name"), max_length=200, help_text=_("What people will choose it by."))
    file = forms.FileField(
        label=_("File"),
        required=False,
        help_text=_("Weights as .safetensors, .pth or .pt; or a whole network as .onnx."),
    )
    architecture = TidyField(
        label=_("Network that the weights are of"),
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"list": "architectures", "spellcheck": "false", "autocapitalize": "off"}),
        help_text=_(
            "Such as resnet50, timm/convnext_nano, clip/ViT-B-16, or clip for one that is described below. Empty for "
            "ONNX."
        ),
    )
    details = JsonField(
        label=_("Details"),
        max_length=MOST_DETAILS,
        required=False,
        help_text=_(
            'JSON. Of ONNX, how pictures are prepared: {"crop": 224, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}. '
            "Of a CLIP, the content of its open_clip_config.json."
        ),
    )
    token = forms.UUIDField(required=False, widget=forms.HiddenInput)
    pieces = forms.IntegerField(required=False, min_value=1, max_value=1000, widget=forms.HiddenInput)
    file_name = TidyField(required=False, max_length=200, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        by_pieces = given.get("token") and given.get("pieces")
        if not by_pieces and not given.get("file") and "file" not in self.errors:
            self.add_error("file", _("Choose a file."))
        return given
