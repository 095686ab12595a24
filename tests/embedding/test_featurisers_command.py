"""`manage.py featurisers`: what there is, and what to do about what is not here."""

import json

from django.core.management import call_command

from labeller.embedding import runs
from tl_core.featurisers import builders, cards, own


def test_the_table_and_its_json_say_the_same(capsys):
    call_command("featurisers")
    table = capsys.readouterr().out
    call_command("featurisers", "--json")
    entries = json.loads(capsys.readouterr().out)["featurisers"]
    assert entries[0]["name"] == "efficientnet-lite0" and entries[0]["dimension"] == 1280 and entries[0]["available"]
    for entry in entries:
        (line,) = (line for line in table.splitlines() if line.split()[:1] == [entry["name"]])
        assert str(entry["dimension"]) in line and entry["source"] in line
        assert line.split()[3] == ("yes" if entry["available"] else "no")
        assert entry["available"] or "weights=FILE" in entry["remedy"]


def test_all_of_torchvision_can_be_listed(capsys):
    call_command("featurisers", "--json")
    few = json.loads(capsys.readouterr().out)["featurisers"]
    call_command("featurisers", "--all", "--json")
    names = {entry["name"] for entry in json.loads(capsys.readouterr().out)["featurisers"]}
    assert names > {entry["name"] for entry in few} and len(names) > 60 and "densenet121" in names


def test_networks_of_this_site_are_among_them(capsys):
    builders.builder("cells", "torch.nn:AdaptiveAvgPool2d")
    plain = {"resize": 8, "crop": 8, "interpolation": "bilinear", "mean": [0] * 3, "std": [1] * 3}
    made = {"architecture": "builder:cells", "arguments": {"output_size": 2}, "preprocessing": plain}
    digest = own.save(runs.networks(), {}, cards.Card("Cells", made_by="upload", made_at="2026-01-02", **made))
    call_command("featurisers", "--json")
    *_, last = json.loads(capsys.readouterr().out)["featurisers"]
    assert (last["name"], last["dimension"], last["source"]) == (f"own/{digest}", 3, "this site: Cells")
