"""Files, the samples they hold, where they come from, and the files that were refused."""

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce

from labeller.projects.models import Everything, LabelClass, Open, Project
from labeller.samples import names

Box = tuple[float, float, float, float]  # left, top, width, height: fractions of the upright picture's
PARKED = 1e9  # from here on an end says that the text is not there any more: its place is free for another
FULL = 1 + 1e-6  # of a width or height: what is rounded may lie a little further


class Source(models.Model):
    """A folder, here or in an object store, whose files belong to a project, referenced in place."""

    class Meaning(models.TextChoices):
        """What the folders inside (or a table beside) say about each image."""

        NOTHING = "nothing", "nothing: folders are just folders"
        TRUTH = "truth", "the true class, kept hidden for simulations"
        LABELS = "labels", "a known label"

    project = models.ForeignKey(Project, models.CASCADE, related_name="sources")
    path = models.CharField(max_length=4000)  # as names.encode writes it
    labels_from = models.CharField(max_length=4000, blank=True, help_text="“folders”, the path of a table, or nothing.")
    truth_from = models.CharField(max_length=4000, blank=True, help_text="The same, kept hidden for simulations.")
    class_level = models.SmallIntegerField(
        null=True,
        help_text="Which folder level names the class: 1 = the first, -1 = the last; null = the first that can.",
    )
    known = models.JSONField(default=dict, help_text="What became of the labels and the truth: samples/known.py.")
    layout = models.JSONField(
        default=dict, help_text="How its tables are read and its documents cut, where it has texts: samples/layouts.py."
    )
    follows_links = models.BooleanField(default=False, help_text="Whether links that lead out of it are followed.")
    left_out = models.JSONField(default=dict, help_text="What the last look left out on purpose: how many by kind.")
    missing = models.PositiveIntegerField(default=0, help_text="Files that the last look did not find.")
    reader = models.PositiveIntegerField(default=0, help_text="scanning.READER when the last look was complete.")
    created_at = models.DateTimeField(auto_now_add=True)
    closing_at = models.DateTimeField(null=True, help_text="When its deletion was asked for: nothing is imported.")

    objects = Open()
    everything = Everything()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "path"], name="one_source_per_folder")]

    def __str__(self) -> str:
        return self.path

    @property
    def is_open(self) -> bool:
        """Whether paths may be shown: where folders name the classes, or the truth is hidden, they would tell it."""
        return not self.truth_from and self.labels_from != "folders"

    @property
    def folder(self) -> Path | str:
        """Where it is: a path of this machine, or a URL."""
        return self.path if "://" in self.path else Path(names.decode(self.path))

    @property
    def unpacked(self) -> Path:
        """Where this site keeps what was in it, where it is a zip: samples/archives.py."""
        return Path(settings.DATA, "unpacked", f"source-{self.pk}")

    @property
    def root(self) -> Path | str:
        """The folder that its files are in: itself, or what its zip was unpacked to."""
        return self.unpacked / "files" if self.layout.get("is_archive") else self.folder

    def location(self, path: str) -> Path | str:
        """Where a file of this source is, from its stored path: a path of this machine, or a URL."""
        if self.layout.get("is_file"):  # a table by itself
            return self.folder
        name = names.decode(path)
        return f"{self.path}/{name}" if "://" in self.path else Path(self.root, name)


class Deployment(models.Model):
    """Where and when a camera stood. All times are by the clocks of the place, taken as UTC."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="deployments")
    name = models.CharField(max_length=500, help_text="The folder's.")
    location_name = models.CharField(max_length=200, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    camera = models.CharField(max_length=200, blank=True)
    start = models.DateTimeField(null=True, blank=True)
    end = models.DateTimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=60, blank=True, help_text="As the IANA names it, Europe/Amsterdam.")
    clock_shift = models.DurationField(default=timedelta, help_text="What to add to the camera's clock.")
    clock_shift_end = models.DurationField(
        null=True, blank=True, help_text="The same at the end, of a clock that went too fast or too slow."
    )
    keeps_offset = models.BooleanField(default=False, help_text="The clock did not change for daylight saving.")
    applied_clock = models.JSONField(default=dict, help_text="How the stored times were put right: clocks.way.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="one_deployment_per_name"),
            models.CheckConstraint(
                condition=models.Q(latitude=None, longitude=None)
                | models.Q(latitude__isnull=False, latitude__range=(-90, 90))
                & models.Q(longitude__isnull=False, longitude__range=(-180, 180)),
                name="coordinates_are_a_pair",
            ),
            models.CheckConstraint(
                condition=models.Q(start=None) | models.Q(end=None) | models.Q(end__gte=models.F("start")),
                name="deployment_ends_after_its_start",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Sequence(models.Model):
    """A burst of frames of one event."""

    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="sequences")
    started_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.deployment} {self.started_at:%Y-%m-%d %H:%M:%S}"


class File(models.Model):
    """A photograph, a video or a document: what samples are of."""

    class Kind(models.TextChoices):
        IMAGE = "image", "image"
        VIDEO = "video", "video"
        TEXT = "text", "text"

    project = models.ForeignKey(Project, models.CASCADE, related_name="files")
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.IMAGE)
    source = models.ForeignKey(Source, models.PROTECT, related_name="files")
    # As names.encode writes it.
    path = models.CharField(max_length=2000, help_text="Relative to the source, with forward slashes.")
    sha256 = models.CharField(max_length=64)
    bytes = models.BigIntegerField()
    modified_ns = models.BigIntegerField()
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    taken_at = models.DateTimeField(null=True, help_text="By the camera's clock, put right; taken as UTC.")
    clock_time = models.DateTimeField(null=True, help_text="What the camera's clock said; taken as UTC.")
    notes = models.JSONField(default=list, help_text='What to know about the picture: [{"code": …, parameters}].')
    deployment = models.ForeignKey(Deployment, models.SET_NULL, null=True, related_name="files")
    sequence = models.ForeignKey(Sequence, models.SET_NULL, null=True, related_name="files")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "path"], name="one_file_per_path"),
            models.UniqueConstraint(fields=["project", "sha256"], name="one_file_per_content"),
            models.CheckConstraint(
                condition=~models.Q(kind="image") | models.Q(width__gt=0, height__gt=0), name="image_has_a_size"
            ),
        ]

    def __str__(self) -> str:
        return self.path


class PeopleSeen(models.Model):
    """Who or what says that people are in a file, and whether it is hidden for that: see `hiding`.

    Each column has one writer. What follows from them all is worked out by the database, so that no two of these can
    disagree about it.
    """

    class Word(models.TextChoices):
        """What a manager says."""

        NONE = "", "nothing"
        HIDE = "hide", "somebody is in it"
        SHOW = "show", "whatever models say, nobody is in it"

    file = models.OneToOneField(File, models.CASCADE, primary_key=True, related_name="people")
    project = models.ForeignKey(Project, models.CASCADE, related_name="+", db_index=False)  # the file's
    by_models = models.BooleanField(default=False, help_text="Models of others.")
    by_labels = models.BooleanField(default=False, help_text="A label that somebody gave, or that was imported.")
    word = models.CharField(max_length=4, choices=Word, blank=True)
    is_hidden = models.GeneratedField(
        expression=models.Case(
            models.When(models.Q(by_labels=True) | models.Q(word="hide"), then=True),
            models.When(word="show", then=False),
            default=models.F("by_models"),
        ),
        output_field=models.BooleanField(),
        db_persist=True,
    )

    class Meta:
        verbose_name_plural = "people seen"
        constraints = [models.CheckConstraint(condition=models.Q(word__in=["", "hide", "show"]), name="word_is_known")]
        indexes = [models.Index(fields=["project", "is_hidden", "file"], name="people_hidden")]

    def __str__(self) -> str:
        return f"{self.file_id}: {'hidden' if self.is_hidden else 'shown'}"


def _is_of_kind() -> models.Q:
    """Which columns say where a sample lies in its file, by the kind of part it is."""
    no_box = models.Q(box_left=None, box_top=None, box_width=None, box_height=None)
    a_box = models.Q(box_left__isnull=False, box_top__isnull=False, box_width__isnull=False, box_height__isnull=False)
    begins, ends = models.Q(start__isnull=False), models.Q(end__isnull=False)
    return (
        (models.Q(part="whole", start=None, end=None) & no_box)
        | (models.Q(part="box") & a_box)  # of a picture, or of the frame at `start`
        | (models.Q(part__in=["frame", "row"]) & no_box & begins)
        | (models.Q(part="passage") & no_box & begins & ends)
    )


class Sample(models.Model):
    """One thing to label: a file, or a part of one."""

    class Part(models.TextChoices):
        WHOLE = "whole", "whole"
        BOX = "box", "box"
        FRAME = "frame", "frame"
        PASSAGE = "passage", "passage"
        ROW = "row", "row"

    project = models.ForeignKey(Project, models.CASCADE, related_name="samples")  # the file's
    file = models.ForeignKey(File, models.CASCADE, related_name="samples")
    part = models.CharField(max_length=8, choices=Part, default=Part.WHOLE)
    # As fractions of the upright image's width and height.
    box_left = models.FloatField(null=True)
    box_top = models.FloatField(null=True)
    box_width = models.FloatField(null=True)
    box_height = models.FloatField(null=True)
    start = models.FloatField(null=True, help_text="A frame's second, a passage's first character, a row's number.")
    end = models.FloatField(null=True, help_text="Where it ends: not part of it any more.")
    # Samples are embedded shard by shard; a shard is spread over the whole folder, so that any first few shards
    # are a fair picture of the pool.
    shard = models.PositiveIntegerField()
    # Of a box. samples/set_aside.py says which are asked about.
    confidence = models.FloatField(null=True, help_text="How sure the detector is; null = a person's, or nobody said.")
    taken_away_at = models.DateTimeField(null=True, help_text="When somebody said that there is no such box.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file"], condition=models.Q(part="whole"), name="one_whole_per_file"),
            models.UniqueConstraint(
                "file",
                "part",
                *(Coalesce(name, -1.0) for name in ("box_left", "box_top", "box_width", "box_height", "start", "end")),
                condition=~models.Q(part="whole"),
                name="one_sample_per_part",
            ),
            models.CheckConstraint(condition=_is_of_kind(), name="place_is_of_its_kind"),
            models.CheckConstraint(
                condition=models.Q(box_left=None)
                | models.Q(box_left__gte=0, box_top__gte=0, box_width__gt=0, box_height__gt=0)
                & models.Q(box_left__lte=FULL - models.F("box_width"), box_top__lte=FULL - models.F("box_height")),
                name="box_lies_in_the_image",
            ),
            models.CheckConstraint(
                condition=(models.Q(start=None) | models.Q(start__gte=0))
                & (models.Q(end=None) | models.Q(end__gt=models.F("start"))),
                name="ends_after_its_start",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "shard"], name="sample_by_shard"),
            models.Index(fields=["file", "start"], condition=models.Q(start__isnull=False), name="sample_by_start"),
            models.Index(  # whose ids are read with every ranking: nothing but the index is
                fields=["project", "confidence", "taken_away_at"],
                condition=models.Q(confidence__isnull=False),
                name="box_by_confidence",
            ),
            models.Index(fields=["project"], condition=models.Q(taken_away_at__isnull=False), name="box_taken_away"),
        ]

    def __str__(self) -> str:
        return f"{self.file} {self.place}".rstrip()

    @property
    def box(self) -> Box | None:
        """Left, top, width and height of the part that counts; None = the whole image."""
        if self.box_left is None:
            return None
        return (self.box_left, self.box_top or 0.0, self.box_width or 0.0, self.box_height or 0.0)

    @property
    def sequence_id(self) -> int | None:
        """The burst that is decided about at once: of whole frames, for boxes show what is not the same in all."""
        return self.file.sequence_id if self.part == self.Part.WHOLE else None

    @property
    def place(self) -> str:
        """Where in its file it lies, “box 0.1 0.2 0.5 0.4”; nothing where it is the whole."""
        return place_of(self.part, *(self.box or ()), self.start, self.end)


def place_of(part: str, *numbers: float | None) -> str:
    """Where a part lies in its file: four numbers of a box where it is one, where it starts, and where it ends."""
    if part == Sample.Part.WHOLE:
        return ""
    *_others, start, end = numbers
    if end is not None and end >= PARKED:
        return f"{part} {start:.10g}, in an earlier version"
    # A row's number is written out in full; a fraction of a picture needs six digits.
    digits = 6 if part in {Sample.Part.BOX, Sample.Part.FRAME} else 10
    return " ".join([part, *(f"{number:.{digits}g}" for number in numbers if number is not None)])


class BoxEdit(models.Model):
    """Somebody drew a box, put it elsewhere, or took it away. None is ever changed; each supersedes the one before."""

    uuid = models.UUIDField(unique=True, help_text="Made by the client: the idempotency key.")
    project = models.ForeignKey(Project, models.CASCADE, related_name="box_edits")
    sample = models.ForeignKey(Sample, models.CASCADE, related_name="box_edits")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="box_edits")
    before = models.JSONField(null=True, help_text="Where it was: left, top, width, height; null = nowhere.")
    after = models.JSONField(null=True, help_text="Where it is from then on; null = nowhere.")
    confidence = models.FloatField(null=True, help_text="What the sample's was before.")
    supersedes = models.OneToOneField("self", models.SET_NULL, null=True, related_name="superseded_by")
    is_current = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sample"], condition=models.Q(is_current=True), name="one_current_edit_per_box"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sample_id}: {self.before} to {self.after}"


class RepeatedBox(models.Model):
    """Boxes of one camera that lie in one place again and again: a stone, a branch. Gathered anew until dismissed."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="repeated_boxes")
    deployment = models.ForeignKey(Deployment, models.CASCADE, related_name="repeated_boxes")
    box = models.JSONField(help_text="Where: left, top, width, height.")
    samples = models.JSONField(help_text="Ids of the boxes, the earliest first.")
    pictures = models.PositiveIntegerField()
    days = models.PositiveIntegerField(help_text="On which they were taken; 0 = nobody knows.")
    dismissed_at = models.DateTimeField(null=True, help_text="When its boxes were taken away; null = they weren't.")
    dismissed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name_plural = "repeated boxes"

    def __str__(self) -> str:
        return f"{self.deployment}: {self.box} in {self.pictures} pictures"


class Text(models.Model):
    """What a sample of a document or a table says."""

    sample = models.OneToOneField(Sample, models.CASCADE, primary_key=True, related_name="text")
    project = models.ForeignKey(Project, models.CASCADE, related_name="texts")  # the sample's
    content = models.TextField()
    digest = models.CharField(max_length=64, help_text="Of the text in NFC with single blanks: equal = the same text.")
    signature = models.BinaryField(default=bytes, help_text="MinHash, by which near-copies are found.")
    deployment = models.ForeignKey(
        Deployment, models.SET_NULL, null=True, related_name="texts", help_text="What it belongs together with."
    )

    like = models.ForeignKey(
        Sample, models.SET_NULL, null=True, related_name="unfolded", help_text="Of which somebody said it is no copy."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "digest"], name="one_sample_per_text")]

    def __str__(self) -> str:
        return self.content[:80]


class TextCopy(models.Model):
    """A text that is nearly another one, or just that: no sample of its own, it has the answers of that one."""

    original = models.ForeignKey(Sample, models.CASCADE, related_name="copies")
    file = models.ForeignKey(File, models.CASCADE, related_name="copies")
    part = models.CharField(max_length=8, choices=Sample.Part)
    start = models.FloatField(null=True, help_text="As of a sample.")
    end = models.FloatField(null=True)
    content = models.TextField(help_text="Empty where it is the same text.", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "file",
                "part",
                *(Coalesce(name, -1.0) for name in ("start", "end")),
                name="one_copy_per_part",
            )
        ]
        indexes = [
            models.Index(fields=["file", "start"], condition=models.Q(start__isnull=False), name="copy_by_start"),
        ]

    def __str__(self) -> str:
        return f"{self.file}: as {self.original}"

    @property
    def place(self) -> str:
        """As of a sample."""
        return place_of(self.part, self.start, self.end)


class TableReading(models.Model):
    """Tables of a source whose rows are being read: the row goes when all of them are samples.

    Each shard gets rows from all over the tables, so none is whole before the last row is read.
    """

    source = models.ForeignKey(Source, models.CASCADE, related_name="readings")
    files = models.JSONField(default=list, help_text="Path, size and time of change of each table.")
    total = models.PositiveIntegerField(null=True, help_text="Rows of all tables together; null = not counted yet.")
    done = models.PositiveIntegerField(default=0, help_text="Rows that are written.")
    first_shard = models.PositiveIntegerField(default=0)
    shards = models.PositiveIntegerField(default=0)
    announced = models.PositiveIntegerField(default=0, help_text="Shards that others know of.")

    def __str__(self) -> str:
        return f"{self.source}: {self.done} of {self.total} rows"


class Refusal(models.Model):
    """A file of which there are no samples, and why."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="refusals")
    source = models.ForeignKey(Source, models.CASCADE, related_name="refusals")
    path = models.CharField(max_length=2000)
    bytes = models.BigIntegerField()
    modified_ns = models.BigIntegerField()
    row = models.PositiveIntegerField(null=True, help_text="Of a table: the row that is no sample; the others are.")
    reason = models.SlugField()
    detail = models.CharField(max_length=500, blank=True)
    twin = models.ForeignKey(
        File, models.SET_NULL, null=True, related_name="twins", help_text="The file of the same content."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "path"], name="one_refusal_per_path")]
        indexes = [models.Index(fields=["project", "reason"], name="refusal_by_reason")]

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class HiddenTruth(models.Model):
    """The true answer to a sample, never shown to annotators; simulated annotators and benchmarks read it."""

    sample = models.ForeignKey(Sample, models.CASCADE, related_name="truths")
    label_class = models.ForeignKey(LabelClass, models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sample", "label_class"], name="one_truth_per_class")]

    def __str__(self) -> str:
        return f"{self.sample}: {self.label_class}"
