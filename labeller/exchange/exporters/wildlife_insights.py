"""Wildlife Insights: the four tables of its batch upload, for one project of theirs.

What only the project's people know (bait, height, features) stays empty: the platform asks for it.
"""

from typing import Any

from django.utils.translation import gettext_lazy as _

from labeller.exchange.exporters.base import Exporter, ExportOption, ExportWanted, Tell
from labeller.exchange.exporters.contents import Shot
from labeller.exchange.exporters.folder import CsvFile, Folder
from labeller.exchange.exporters.observing import Observation, Observing
from labeller.exchange.exporters.places import COMPLETE, CameraPlace, CameraPlaces
from labeller.projects.states import State

PROJECTS = (
    "project_name", "project_id", "project_short_name", "project_objectives", "project_species",
    "project_species_individual", "project_sensor_layout", "project_sensor_layout_targeted_type", "project_bait_use",
    "project_bait_type", "project_stratification", "project_stratification_type", "project_sensor_method",
    "project_individual_animals", "project_blank_images", "project_sensor_cluster", "project_admin",
    "project_admin_email", "project_admin_organization", "country_code", "embargo", "metadata_license", "image_license",
)  # fmt: skip
CAMERAS = ("project_id", "camera_id", "make", "model", "serial_number", "year_purchased")
DEPLOYMENTS = (
    "project_id", "deployment_id", "subproject_name", "subproject_design", "placename", "longitude", "latitude",
    "start_date", "end_date", "event_name", "event_description", "event_type", "bait_type", "bait_description",
    "feature_type", "feature_type_methodology", "camera_id", "quiet_period", "camera_functioning", "sensor_height",
    "height_other", "sensor_orientation", "orientation_other", "recorded_by",
)  # fmt: skip
IMAGES = (
    "project_id", "deployment_id", "image_id", "location", "identified_by", "wi_taxon_id", "class", "order", "family",
    "genus", "species", "common_name", "uncertainty", "timestamp", "number_of_objects", "highlighted", "age", "sex",
    "animal_recognizable", "individual_id", "individual_animal_notes", "markings",
)  # fmt: skip
# What is no animal's has numbers and names of its own there.
TAXA = {
    State.BLANK: ("f1856211-cfb7-4a5b-9158-c0f72fd09ee6", "Blank"),
    State.HUMAN: ("990ae9dd-7a59-4344-afcb-1b7b21368000", "Human"),
    State.VEHICLE: ("e2895ed5-780b-48f6-8a11-9e27cb594511", "Vehicle"),
    State.UNCLASSIFIED: ("f2efdae9-efb8-48fb-8a91-eccf79ab4ffb", "No CV Result"),
    State.UNKNOWN: ("", "Unknown"),
    State.SETUP: ("", "Setup_Pickup"),
}
LOCAL = "%Y-%m-%d %H:%M:%S"


def write(wanted: ExportWanted, folder: Folder, tell: Tell) -> None:
    """The images, a row for each thing seen in each; then what they were taken with, and where."""
    places, project = CameraPlaces(wanted, folder), wanted.options["project_id"] or wanted.project.slug
    observing, done = Observing(wanted.contents, wanted.question), 0
    with folder.table("images.csv", IMAGES) as images:
        for event in wanted.contents.events():
            for shot in places.placed(event).pictures:
                place = places.of(shot)
                for each in observing.of_picture(shot):
                    _image(images, project, place, wanted.contents.path(shot), shot, each)
            done += len(event.pictures)
            tell(done)
    used = places.used()
    with folder.table("deployments.csv", DEPLOYMENTS) as deployments:
        for place in used:
            deployments(_deployment(project, place))
    with folder.table("cameras.csv", CAMERAS) as cameras:
        for camera in sorted({_camera(place) for place in used}):
            cameras((project, camera, None, None, None, None))
    with folder.table("projects.csv", PROJECTS) as projects:
        projects(_project(wanted, project))
    folder.remark(
        "Before the upload, fill in what the platform asks for and this program does not know: bait, features, heights "
        "and orientations of cameras; the aims, country and licences of the project."
    )


def _image(images: CsvFile, project: str, place: CameraPlace, path: str, shot: Shot, found: Observation) -> None:
    decision, seen = found.decision, found.seen
    taxon, name = TAXA.get(found.state, ("", ""))
    genus = species = ""
    if seen is not None and found.state is State.ANIMAL:
        taxon, name = seen.code, seen.name
        genus, species = [*seen.scientific_name.split(), "", ""][:2]
    by, uncertainty = "", None
    if decision is not None:
        by = decision.by or decision.how
        is_sure = decision.probability is None or decision.probability == 1
        uncertainty = None if is_sure else f"{1 - (decision.probability or 0):.4g}"
    images(
        (
            project, place.name, shot.sha256[:16], path, by, taxon, None, None, None, genus, species, name,
            uncertainty, f"{shot.taken_at:{LOCAL}}", found.individuals, None,
            found.traits.get("lifeStage", "").capitalize(), found.traits.get("sex", "").capitalize(), None,
            found.traits.get("individualID"), "; ".join(found.tags), None,
        )
    )  # fmt: skip


def _camera(place: CameraPlace) -> str:
    return place.deployment.camera or place.name


def _deployment(project: str, place: CameraPlace) -> tuple[Any, ...]:
    row = place.deployment
    start, end = (f"{when:{LOCAL}}" if when else None for when in (place.start, place.end))
    where = (row.location_name or place.name, place.longitude, place.latitude)
    return (project, place.name, None, None, *where, start, end, *(None,) * 7, _camera(place), *(None,) * 7)


def _project(wanted: ExportWanted, project: str) -> tuple[Any, ...]:
    known = {"project_name": wanted.project.name, "project_id": project, "project_admin": wanted.asked_by}
    return tuple(known.get(column) for column in PROJECTS)


EXPORTER = Exporter(
    name="wildlife-insights",
    title=_("Wildlife Insights"),
    about=_("The four tables of its batch upload: projects, cameras, deployments and images."),
    lost="Boxes, events, when something was decided, time zones, and questions that follow beyond count, sex, age and "
    "individual (these are notes).",
    write=write,
    options=(
        ExportOption("project_id", _("Number of the project there"), "", help=_("Empty: this project’s short name.")),
        *COMPLETE,
    ),
)
