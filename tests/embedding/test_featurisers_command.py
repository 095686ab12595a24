"""`manage.py featurisers`: what there is, and what to do about what is not here."""

import json

from django.core.management import call_command


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
