"""Labels and hidden truth from folders and tables: at the first run, at a later one, and what is told of them."""

import pytest
from django.db import connection

from labeller.jobs import queueing as jobs
from labeller.jobs import registry
from labeller.jobs.models import Job
from labeller.labels.models import Label
from labeller.managing import opening
from labeller.messages import sentence
from labeller.projects.making import ensure_class
from labeller.samples import ingesting, known, levels, told
from labeller.samples.known import FOLDERS, Given
from labeller.samples.models import HiddenTruth, Refusal, Source
from labeller.samples.scanning import FolderError
from tests import factories
from tests.factories import photograph

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(db):
    return factories.project(classes=())


@pytest.fixture
def season(folder):
    """Six photographs of two places."""
    for number in range(1, 7):
        photograph(folder / f"Site{number % 2 + 1}/IMG_{number}.JPG", number)
    return folder


def table(tmp_path, *rows, name="labels.csv", header="path,class"):
    path = tmp_path / name
    path.write_text("\n".join([header, *rows, ""]))
    return str(path)


def take(project, folder, **given):
    source = ingesting.add_source(project, folder, given=Given(**given))
    done = factories.work("scan", "ingest", "known")
    assert {job.state for job in done} <= {Job.State.DONE}, [job.error for job in done]
    source.refresh_from_db()
    return source


def labels(project):
    standing = Label.objects.filter(project=project, is_current=True, verdict="answer")
    return dict(standing.order_by("pk").values_list("sample__file__path", "classes__name"))


def truths(project):
    return dict(
        HiddenTruth.objects.filter(sample__project=project).values_list("sample__file__path", "label_class__name")
    )


ALL = ["Site2/IMG_1.JPG", "Site1/IMG_2.JPG", "Site2/IMG_3.JPG", "Site1/IMG_4.JPG", "Site2/IMG_5.JPG", "Site1/IMG_6.JPG"]


# --- matched, or told -----------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "photographs/", ".\\", "D:\\season\\photographs\\", "/home/me/archive/"])
def test_a_table_of_another_machine_labels_the_same_files(project, season, tmp_path, prefix):
    slash = "\\" if "\\" in prefix else "/"
    rows = [f"{prefix}{path.replace('/', slash)},fox" for path in ALL]
    source = take(project, season, labels=table(tmp_path, *rows))
    assert labels(project) == dict.fromkeys(ALL, "fox")
    assert source.known["labels"]["applied"] == 6 and source.known["labels"]["problems"] == []


def test_what_is_not_taken_is_kept_with_the_source_and_told(project, season, tmp_path):
    rows = [
        *(f"{path},fox" for path in ALL[:3]),
        *(f"{path},hare" for path in ALL[:2]),
        f"{ALL[3]},fallow deer, female",
        f"{ALL[4]},{'x' * 201}",
        "gone.jpg,fox",
    ]
    source = take(project, season, labels=table(tmp_path, *rows))
    assert labels(project) == {ALL[2]: "fox"}
    assert told.sentences(source.known["labels"]) == [
        "line 7 has more cells than columns: put a name with a comma in it between quotation marks",
        "line 8: name too long (more than 200 characters)",
        "1 of 8 rows name no file of this folder, the first: gone.jpg",
        f"2 paths are there twice with other classes: {ALL[0]}, {ALL[1]}",
    ]
    assert sentence(Job.objects.get(kind="known").message) == "labels.csv (rows: 8): 1 sample has its class by it"


def test_several_rows_of_one_path_are_one_answer_where_several_classes_are_allowed(season, tmp_path):
    project = factories.project(classes=())
    project.questions.update(multi_label=True)
    take(project, season, labels=table(tmp_path, f"{ALL[0]},fox|hare", f"{ALL[0]},deer", f"{ALL[1]},DEER"))
    stored = Label.objects.filter(project=project).values_list("sample__file__path", "classes__name")
    assert set(stored) == {(ALL[0], "fox"), (ALL[0], "hare"), (ALL[0], "DEER"), (ALL[1], "DEER")}


def test_a_table_that_fits_nothing_is_refused_before_anything_starts(season, tmp_path):
    given = Given(labels=table(tmp_path, *(f"Elsewhere/X{number}.JPG,fox" for number in range(6))))
    with pytest.raises(FolderError) as raised:
        known.check(season, given)
    line = "6 of 6 rows name no file of this folder, the first: Elsewhere/X0.JPG"
    assert str(raised.value) == f"{given.labels}: {line}"
    with pytest.raises(FolderError, match="no rows"):
        known.check(season, Given(truth=table(tmp_path)))


def test_a_table_that_fits_in_part_is_told_before_anything_starts(season, tmp_path):
    path = table(tmp_path, f"{ALL[0]},fox", "IMG_99.JPG,fox")
    assert known.check(season, Given(labels=path, truth=path)) == [
        f"{path} (rows: 2) names 1 file of this folder",
        "  1 of 2 rows name no file of this folder, the first: IMG_99.JPG",
    ]


def test_a_name_without_its_folder_is_not_taken_while_others_of_it_wait_to_be_imported(
    project, folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(ingesting, "SHARD_SIZE", 1)
    for number, name in enumerate(["a/1.jpg", "b/1.jpg"]):
        photograph(folder / name, number)
    ingesting.add_source(project, folder, given=Given(labels=table(tmp_path, "1.jpg,fox")))
    factories.work("scan")
    assert Job.objects.filter(kind="ingest").count() == 2
    jobs.run(Job.objects.filter(kind="ingest").first().pk, registry.get)
    factories.work("known")
    assert project.samples.count() == 1 and labels(project) == {}
    factories.work("ingest", "known")
    assert labels(project) == {}
    assert [group["kind"] for group in Source.objects.get().known["labels"]["problems"]] == ["several-files"]


# --- what is given later --------------------------------------------------------------------------


@pytest.mark.parametrize("first", [{}, {"labels": "other"}])
def test_a_table_given_at_a_later_run_is_applied(project, season, tmp_path, first):
    other = table(tmp_path, f"{ALL[0]},hare", name="wrong.csv")
    take(project, season, **({"labels": other} if first else {}))
    source = take(project, season, labels=table(tmp_path, *(f"{path},fox" for path in ALL)))
    assert labels(project) == dict.fromkeys(ALL, "fox")
    assert source.labels_from.endswith("labels.csv")
    history = Label.objects.filter(sample__file__path=ALL[0]).order_by("pk").values_list("classes__name", "is_current")
    assert list(history) == [("hare", False), ("fox", True)] if first else [("fox", True)]


def test_a_table_corrected_in_its_place_is_applied_at_the_next_run(project, season, tmp_path):
    take(project, season, labels=table(tmp_path, f"{ALL[0]},hare", f"{ALL[1]},fox"))
    table(tmp_path, f"{ALL[0]},rabbit", f"{ALL[1]},fox")
    take(project, season)
    assert labels(project) == {ALL[0]: "rabbit", ALL[1]: "fox"}
    assert Label.objects.filter(sample__file__path=ALL[1]).count() == 1  # what did not change is not written again


def test_a_table_read_before_says_nothing_of_photographs_that_have_moved_since(project, season, tmp_path):
    rows = [f"{path},{'hare' if path.startswith('Site1') else 'fox'}" for path in ALL]
    given = {"labels": table(tmp_path, *rows), "truth": table(tmp_path, *rows, name="truth.csv")}
    take(project, season, **given)
    one, other, aside = season / ALL[0], season / ALL[1], season / "aside"
    one.rename(aside), other.rename(one), aside.rename(other)
    photograph(season / "Site1/IMG_7.JPG", 7)
    source = take(project, season)
    expected = {path: "hare" if path.startswith("Site1") else "fox" for path in ALL} | {ALL[0]: "hare", ALL[1]: "fox"}
    assert labels(project) == truths(project) == expected
    assert [group["kind"] for group in source.known["labels"]["problems"]] == ["moved"]
    assert "2 files have moved" in " ".join(told.sentences(source.known["labels"]))
    table(tmp_path, f"{ALL[0]},rabbit", *rows[1:])  # a table that was written since is about what is there now
    take(project, season)
    assert labels(project) == {**expected, ALL[0]: "rabbit", ALL[1]: "hare"}


def test_a_table_that_changes_between_scan_and_import_takes_nothing_down(project, season, tmp_path):
    rows = [f"{path},{'hare' if number % 2 else 'fox'}" for number, path in enumerate(ALL)]
    ingesting.add_source(project, season, given=Given(labels=table(tmp_path, *rows)))
    factories.work("scan")
    table(tmp_path, *(row.replace("hare", "rabbit") for row in rows))
    done = factories.work("scan", "ingest", "known")
    assert {job.state for job in done} == {Job.State.DONE}
    assert sorted(labels(project).values()) == ["fox"] * 3 + ["rabbit"] * 3


def test_a_table_that_goes_away_keeps_what_it_said_and_is_told(project, season, tmp_path):
    path = table(tmp_path, f"{ALL[0]},fox")
    source = take(project, season, labels=path)
    (tmp_path / "labels.csv").unlink()
    photograph(season / "Site1/IMG_7.JPG", 7)
    source = take(project, season)
    assert labels(project) == {ALL[0]: "fox"}
    assert project.samples.count() == 7
    assert path in sentence(source.known["labels"]["error"])
    assert [path in line for line in known.missing_tables(source)] == [True]


def test_labels_and_truth_together_are_two_things(project, season, tmp_path):
    truth = table(tmp_path, *(f"{path},hare" for path in ALL), name="truth.csv")
    source = take(project, season, labels=table(tmp_path, f"{ALL[0]},fox"), truth=truth)
    assert labels(project) == {ALL[0]: "fox"}
    assert truths(project) == dict.fromkeys(ALL, "hare")
    assert set(source.known) == {"labels", "truth", "seconds"}


def test_truth_given_later_is_known_and_corrected(project, season, tmp_path):
    take(project, season)
    take(project, season, truth=table(tmp_path, f"{ALL[0]},fox", f"{ALL[1]},hare"))
    assert truths(project) == {ALL[0]: "fox", ALL[1]: "hare"}
    take(project, season, truth=table(tmp_path, f"{ALL[0]},deer"))
    assert truths(project) == {ALL[0]: "deer", ALL[1]: "hare"}
    assert not Label.objects.exists()


def test_a_persons_word_stands_against_a_later_table(project, season, tmp_path):
    take(project, season)
    question = project.first_question
    fox = ensure_class(question, "fox")[0]
    sample = project.samples.get(file__path=ALL[0])
    person = factories.person("ana")
    mine = factories.label(question, sample, person, fox.pk)
    skipped = factories.label(question, project.samples.get(file__path=ALL[1]), person, verdict="skip")
    source = take(project, season, labels=table(tmp_path, f"{ALL[0]},hare", f"{ALL[1]},hare"))
    assert labels(project) == {ALL[0]: "fox", ALL[1]: "hare"}
    mine.refresh_from_db(), skipped.refresh_from_db()
    assert mine.is_current and skipped.is_current
    assert told.sentences(source.known["labels"]) == [f"1 file was labelled by people, whose word stands: {ALL[0]}"]


def test_without_anything_given_no_job_is_asked_for(project, season):
    take(project, season)
    assert not Job.objects.filter(kind="known").exists()


# --- twins ----------------------------------------------------------------------------------------


@pytest.fixture
def twins(folder):
    photograph(folder / "A_copy.JPG", 1)
    (folder / "IMG_1.JPG").write_bytes((folder / "A_copy.JPG").read_bytes())
    photograph(folder / "IMG_2.JPG", 2)
    return folder


def test_a_label_on_a_duplicate_is_one_on_the_file_that_was_kept(project, twins, tmp_path):
    take(project, twins)
    refusal = Refusal.objects.get()
    take(project, twins, labels=table(tmp_path, f"{refusal.path},fox"))
    assert labels(project) == {refusal.twin.path: "fox"}
    assert {refusal.path, refusal.twin.path} == {"A_copy.JPG", "IMG_1.JPG"}


def test_twins_of_which_the_table_says_different_things_are_told_and_not_labelled(project, twins, tmp_path):
    source = take(project, twins, labels=table(tmp_path, "A_copy.JPG,fox", "IMG_1.JPG,hare", "IMG_2.JPG,deer"))
    assert labels(project) == {"IMG_2.JPG": "deer"}
    (sentence,) = told.sentences(source.known["labels"])
    assert "1 file is there twice, with other classes" in sentence
    assert "A_copy.JPG: fox" in sentence and "IMG_1.JPG: hare" in sentence
    take(project, twins, labels=table(tmp_path, "A_copy.JPG,fox", "IMG_1.JPG,Fox"))
    assert labels(project)[Refusal.objects.get().twin.path] == "fox"


def test_a_twin_in_another_folder_adds_a_label_but_changes_none(project, tmp_path):
    for name, shown in (("one", "fox"), ("two", "hare")):
        photograph(tmp_path / f"{name}/{shown}/a.jpg", 1)
    photograph(tmp_path / "two/deer/b.jpg", 2)
    photograph(tmp_path / "one/b.jpg", 2)
    take(project, tmp_path / "one", labels=FOLDERS)
    second = take(project, tmp_path / "two", labels=FOLDERS)
    assert labels(project) == {"fox/a.jpg": "fox", "b.jpg": "deer"}
    assert [group["kind"] for group in second.known["labels"]["problems"]] == ["twins"]
    take(project, tmp_path / "one")
    assert labels(project)["fox/a.jpg"] == "fox"


# --- folders --------------------------------------------------------------------------------------


@pytest.fixture
def nested(folder):
    for number, name in enumerate(["deer/cam1/1", "deer/cam1/2", "deer/cam2/3", "deer/cam2/4", "fox/cam1/5"]):
        photograph(folder / f"{name}.jpg", number)
    return folder


def test_the_first_folder_level_names_the_class_and_is_shown(project, nested):
    line = "classes from folder level 1: deer 4, fox 1 (levels: 1 deer, fox · 2 cam1, cam2 · choose with LEVEL=2)"
    assert known.check(nested, Given(labels=FOLDERS)) == [line]
    take(project, nested, labels=FOLDERS)
    assert sorted(labels(project).values()) == ["deer"] * 4 + ["fox"]


@pytest.mark.parametrize("level", [2, -1])
def test_another_level_can_be_chosen_also_later(project, nested, level):
    photograph(nested / "hare/6.jpg", 6)
    take(project, nested, labels=FOLDERS)
    assert len(labels(project)) == 6
    (line,) = known.check(nested, Given(labels=FOLDERS, level=level))
    assert line.startswith(f"classes from folder level {level}: cam1 3, cam2 2")
    take(project, nested, labels=FOLDERS, level=level)
    of_last = {"hare/6.jpg": "hare"} if level == -1 else {}
    cameras = dict(zip(sorted(labels(project)), ["cam1", "cam1", "cam2", "cam2", "cam1"], strict=False))
    assert labels(project) == {**cameras, **of_last}


def test_a_level_that_is_not_there_is_refused(nested):
    with pytest.raises(FolderError, match="no folder level 3, but 1 deer, fox · 2 cam1, cam2"):
        known.check(nested, Given(labels=FOLDERS, level=3))


def test_files_in_no_folder_are_told_and_where_there_is_none_at_all_it_is_refused(project, folder):
    photograph(folder / "loose.jpg", 1)
    with pytest.raises(FolderError, match="no folders inside"):
        known.check(folder, Given(truth=FOLDERS))
    photograph(folder / "fox/a.jpg", 2)
    source = take(project, folder, truth=FOLDERS)
    assert truths(project) == {"fox/a.jpg": "fox"}
    assert told.sentences(source.known["truth"]) == [
        "1 file lies in no folder of that level and gets no class: loose.jpg"
    ]


def test_train_and_test_are_no_classes(project, folder):
    for number, name in enumerate(["train/deer/1", "train/fox/2", "Test/fox/3"]):
        photograph(folder / f"{name}.jpg", number)
    first, second = known.check(folder, Given(labels=FOLDERS))
    assert first == "Test, train are taken for parts of a data set, not for classes."
    assert second.startswith("classes from folder level 2: deer 1, fox 2 ")
    take(project, folder, labels=FOLDERS)
    assert sorted(labels(project).values()) == ["deer", "fox", "fox"]


# --- the knobs ------------------------------------------------------------------------------------


def test_the_knobs_say_what_is_meant(tmp_path):
    csv = table(tmp_path)
    assert opening.given("x", "folders", csv, "2") == Given(labels=FOLDERS, truth=csv, level=2)
    assert opening.given("x", "Folders", "", "-1") == Given(labels=FOLDERS, level=-1)
    assert opening.given("", "", "", "") == Given()


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        (("", "folders", "", ""), "IMAGES"),
        (("", "", "t.csv", ""), "IMAGES"),
        (("x", "t.csv", "", "2"), "LABELS=folders"),
        (("x", "folders", "", "two"), "must be a number"),
        (("x", "folders", "", "0"), "must be a number"),
        (("x", "", "", "1"), "LABELS=folders"),
    ],
)
def test_knobs_that_cannot_be_meant_are_refused(knobs, words):
    with pytest.raises(FolderError, match=words):
        opening.given(*knobs)


# --- how it is done -------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_table_is_read_neither_for_every_shard_nor_in_a_transaction(project, season, tmp_path, monkeypatch):
    monkeypatch.setattr(ingesting, "SHARD_SIZE", 1)
    read, reads = known.tables.read, []

    def noted(path, **options):
        reads.append(connection.in_atomic_block)
        return read(path, **options)

    monkeypatch.setattr(known.tables, "read", noted)
    take(project, season, labels=table(tmp_path, *(f"{path},fox" for path in ALL)))
    assert Job.objects.filter(kind="ingest").count() == len(labels(project)) == 6
    assert reads == [False, False]  # when it was given, and when it was applied


def test_what_stands_already_is_not_written_again(project, season, tmp_path):
    source = take(project, season, labels=table(tmp_path, *(f"{path},fox" for path in ALL)))
    before = list(Label.objects.values_list("pk", flat=True))
    known.request(source)
    factories.work("known")
    assert list(Label.objects.values_list("pk", flat=True)) == before


def test_it_does_not_wait_behind_an_import(project, season, tmp_path, monkeypatch):
    priorities = {}

    class App:
        @staticmethod
        def send_task(name, args, priority, **options):
            priorities[Job.objects.get(pk=args[0]).kind] = priority

    monkeypatch.setattr(jobs, "current_app", App)
    source = ingesting.add_source(project, season, given=Given(labels=table(tmp_path, f"{ALL[0]},fox")))
    jobs.send(Job.objects.get(kind="scan"))
    jobs.send(known.request(source))
    assert priorities["known"] < priorities["scan"]


def test_two_spellings_of_one_look_are_told_as_the_one_class_they_become():
    paths = ["\u00c9land/1.jpg", "E\u0301land/2.jpg", "\u00e9land/3.jpg", "Fox/4.jpg"]
    assert levels.described(paths, None) == ["classes from folder level 1: Fox 1, \u00c9land 3"]
