"""What workers and tl_core have to say, in the reader's language: they give codes and parameters, sentences are here.

A worker doesn't know who will read what it leaves, so rows hold notices: `stored` in columns of text, `as_json`
in columns of JSON. Whoever shows them asks for the `sentence`. Rows of earlier versions hold
sentences, which are shown as they are.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from labeller.codes import WorkerCode
from labeller.text import storable
from tl_core.notices import Code, Notice
from tl_core.texts.word_notices import WordCode

Said = Notice | Mapping[str, Any] | str | Sequence[Any]

REST = "…"  # what stands for the rest of a text that was too long

# A sentence, or a function that picks one for the number `n`.
SENTENCES: dict[str, str | Callable[[int], str]] = {
    # A file is not taken as an image.
    Code.NO_FILE: gettext_noop("The file is not there."),
    Code.EMPTY: gettext_noop("The file is empty."),
    Code.NO_REGULAR_FILE: gettext_noop("This is not a file but a directory, a pipe or a device."),
    Code.CANNOT_BE_OPENED: gettext_noop("The file cannot be opened (%(error)s)."),
    Code.CANNOT_BE_READ: gettext_noop("The file cannot be read (%(error)s)."),
    Code.TOO_MANY_BYTES: gettext_noop("The file has %(bytes)s bytes, the limit is %(limit)s."),
    Code.TOO_MANY_PIXELS: gettext_noop("The image has %(width)s × %(height)s pixels, the limit is %(limit)s."),
    Code.MORE_PIXELS: gettext_noop("The image has more than %(limit)s pixels."),
    Code.TOO_MUCH_MEMORY: gettext_noop("Decoding the image takes %(needed)s MB of memory, the limit is %(limit)s MB."),
    Code.NO_MEMORY: gettext_noop("There was not enough memory to decode the image."),
    Code.CUT_SHORT: gettext_noop("The file ends before the image is complete."),
    Code.DAMAGED: gettext_noop("The %(kind)s data is damaged (%(error)s)."),
    Code.TOO_MANY_SCANS: gettext_noop("The image has %(scans)s scans of %(pixels)s pixels each."),
    Code.TOO_MANY_PIECES: gettext_noop("The image is cut into %(n)s pieces."),
    Code.TOO_MANY_NOTES: gettext_noop("The file has %(bytes)s bytes of notes beside its pixels."),
    Code.ODD_PIXELS: gettext_noop(
        "This TIFF file holds a kind of pixel that is not supported; save it as 8 or 16 bits a colour."
    ),
    Code.NO_IMAGE: gettext_noop("The content is not an image."),
    Code.VIDEO: gettext_noop("This is a video; supported are %(supported)s."),
    Code.SOUND: gettext_noop("This is a sound file; supported are %(supported)s."),
    Code.OTHER_FORMAT: gettext_noop("This is a file of the kind %(name)s; supported are %(supported)s."),
    Code.CAMERA_RAW: gettext_noop("This is a camera raw file; convert it to JPEG or TIFF first."),
    WorkerCode.STOPPED_WORKER: gettext_noop("Decoding this file stopped the worker."),
    WorkerCode.NOT_LOOKED_AT: gettext_noop("It could not be looked at: %(error)s"),
    WorkerCode.NOT_STORED: gettext_noop("It could not be stored: %(error)s"),
    WorkerCode.SAME_CONTENT: gettext_noop("Same content as %(path)s"),
    WorkerCode.LEADS_OUT: gettext_noop(
        "A link that leads out of the folder is not followed. FOLLOW_LINKS=1 at the start follows such links."
    ),
    WorkerCode.NO_PERMISSION: gettext_noop("It cannot be read: its permissions do not allow it."),
    WorkerCode.PATH_TOO_LONG: gettext_noop(
        "The path is too long to be stored: shorten the names of folders or of the file."
    ),
    WorkerCode.DEAD_LINK: gettext_noop("A link to something that is not there."),
    WorkerCode.LINK_CIRCLE: gettext_noop("A link that leads in a circle."),
    WorkerCode.SPECIAL_FILE: gettext_noop("This is not a file but a pipe, a socket or a device."),
    WorkerCode.UNREADABLE: gettext_noop("It cannot be read: %(error)s."),
    # What to know about an image that is taken.
    Code.STRETCHED: gettext_noop("Stretched: %(low)s is shown as black, %(high)s as white."),
    Code.PREVIEW: gettext_noop("A camera raw file; the preview in it is used."),
    Code.PAGES: lambda n: ngettext("%(n)s page; the first is used.", "%(n)s pages; the first is used.", n),
    WorkerCode.CHANGED: gettext_noop("The file has changed since it was imported: labels may be of the older picture."),
    # A folder or a table can't be used.
    WorkerCode.FOLDER_MISSING: gettext_noop("The folder %(path)s does not exist."),
    WorkerCode.NO_FOLDER: gettext_noop("%(path)s is not a folder."),
    WorkerCode.FOLDER_FORBIDDEN: gettext_noop("The folder %(path)s cannot be read: its permissions do not allow it."),
    WorkerCode.FOLDER_EMPTY: gettext_noop("The folder %(path)s holds no files."),
    WorkerCode.ONLY_LINKS: gettext_noop(
        "The folder %(path)s holds no files, only %(n)s links that lead out of it: %(some)s. A link that leads out "
        "of the folder is not followed, unless you start with FOLLOW_LINKS=1."
    ),
    WorkerCode.NOTHING_READABLE: gettext_noop("Nothing in the folder %(path)s can be read. %(some)s: %(detail)s"),
    WorkerCode.URL_UNREADABLE: gettext_noop("%(url)s cannot be read: %(error)s"),
    WorkerCode.TEXTS_ARE_LOCAL: gettext_noop("%(url)s: texts are read from this machine’s own folders only."),
    WorkerCode.TABLE_UNREADABLE: gettext_noop("The table %(path)s cannot be read: %(error)s."),
    WorkerCode.TABLE_EMPTY: gettext_noop("The table %(path)s is empty."),
    WorkerCode.NO_TABLE: gettext_noop(
        "%(path)s is no text but a file of another kind (%(name)s): save the table as CSV."
    ),
    WorkerCode.NUL_IN_TABLE: gettext_noop("%(path)s cannot be read as CSV: it holds NUL characters."),
    WorkerCode.NO_COLUMNS: gettext_noop(
        "%(path)s needs a header with the columns path and class (or the like: file, image; label, species)."
    ),
    WorkerCode.NO_FOLDER_LEVELS: gettext_noop(
        "There are no folders inside that could name the classes: every file lies at the top."
    ),
    WorkerCode.NO_SUCH_LEVEL: gettext_noop("There is no folder level %(level)s, but %(levels)s."),
    WorkerCode.TABLE_APPLIED: lambda n: ngettext(
        "%(name)s (rows: %(rows)s): %(n)s sample has its class by it",
        "%(name)s (rows: %(rows)s): %(n)s samples have their class by it",
        n,
    ),
    WorkerCode.FOLDERS_APPLIED: lambda n: ngettext(
        "folder level %(level)s: %(n)s sample has its class by it",
        "folder level %(level)s: %(n)s samples have their class by it",
        n,
    ),
    # How far a job is, and what it waits for.
    WorkerCode.NEW_FILES: gettext_noop("%(n)s new files"),
    WorkerCode.DECODING: gettext_noop("decoding %(path)s"),
    WorkerCode.LOADING_NETWORK: gettext_noop("loading the network"),
    WorkerCode.COUNTING_ROWS: gettext_noop("counting the rows of %(path)s"),
    WorkerCode.READ_BEFORE_FIRST: gettext_noop("What is being read is read to its end first."),
    WorkerCode.EMBEDDED_BEFORE: gettext_noop("What is being embedded is embedded first."),
    WorkerCode.HELD_BY_SOMEBODY: gettext_noop("Somebody has this text on the screen."),
    WorkerCode.HAS_LABELS: gettext_noop("It has labels of its own, so it stays a sample of its own."),
    WorkerCode.UNPACKING: gettext_noop("unpacking %(path)s"),
    WorkerCode.READING_ROWS: gettext_noop("reading rows"),
    WorkerCode.NO_ROW_TAKEN: gettext_noop("None of its %(n)s rows can be taken: see why, row by row."),
    WorkerCode.READING_GOES_ON: gettext_noop("going on with the rows in a moment"),
    WorkerCode.FITTING_TEXTS: gettext_noop("fitting %(name)s to these texts"),
    WorkerCode.TEXTS_FIRST: gettext_noop("waiting for texts to be imported"),
    WorkerCode.READING_INDEX: gettext_noop("reading the index"),
    WorkerCode.SAVING_INDEX: gettext_noop("saving the index"),
    WorkerCode.TUNING: gettext_noop("choosing penalty and temperature"),
    WorkerCode.RANKING: gettext_noop("ranking"),
    WorkerCode.COMPARING_QUESTIONS: gettext_noop("comparing questions"),
    WorkerCode.LITTLE_SPACE: gettext_noop("Only %(n)s MB are free at %(path)s: make room, work goes on by itself."),
    WorkerCode.NO_SPACE: gettext_noop("No space left at %(path)s: make room, work goes on by itself."),
    WorkerCode.SOURCE_GONE: gettext_noop("The folder %(path)s is not there: work goes on by itself when it is back."),
    WorkerCode.REPAIRING: gettext_noop("%(n)s damaged shards are being embedded again."),
    WorkerCode.MIX_GONE: gettext_noop("What is weighed beside %(name)s is not there at the moment."),
    WorkerCode.SHARD_WAITS: gettext_noop("Shard %(n)s waits for its embeddings by %(name)s."),
    WorkerCode.NEW_FILES_FIRST: gettext_noop("New files come first."),
    WorkerCode.IMPORT_GOES_ON: gettext_noop("It goes on in a moment: other work comes in between."),
    WorkerCode.TUNING_GATHERS: gettext_noop("Gathering answers."),
    WorkerCode.TUNING_MEASURES: gettext_noop("Measuring how long it will take."),
    WorkerCode.TUNING_COMPUTES: gettext_noop("Computing what the fixed part of the network gives, once."),
    WorkerCode.TUNING_JOINS: gettext_noop("Training on all questions at once, and comparing with each alone."),
    WorkerCode.TUNING_COMPARES: gettext_noop("Training, and comparing with today's on what neither has seen."),
    WorkerCode.TUNING_TRAINS: gettext_noop("It is better: training on all answers."),
    WorkerCode.NOTHING_TO_TUNE: gettext_noop("There is nothing to learn from: label photographs of two classes first."),
    WorkerCode.NO_TEXTS_TO_TUNE: gettext_noop("There is nothing to learn from: label texts of two classes first."),
    WorkerCode.NO_ENCODER: gettext_noop("There is no sentence encoder here that could be tuned."),
    WorkerCode.EMBEDDED_FIRST: gettext_noop("%(name)s embeds everything first; until then nothing changes."),
    WorkerCode.TRYING: gettext_noop("every network looks at the photographs"),
    WorkerCode.ADAPTING: gettext_noop("trying way %(n)s of %(wanted)s"),
    WorkerCode.NOTHING_TO_ADAPT: gettext_noop(
        "Fewer than %(n)s embedded photographs can be read: import more, or wait until they are embedded."
    ),
    WorkerCode.TRAINING_VECTORS: gettext_noop("training on these texts"),
    WorkerCode.NO_WORD_TWICE: gettext_noop("No word is said twice in these texts: there is nothing to learn from."),
    WorkerCode.VECTORS_REFUSED: gettext_noop(
        "%(name)s cannot be read as word vectors: see that the file is there and whole."
    ),
    WorkerCode.PICTURES_GONE: gettext_noop("Photographs went away while they were looked at: try again."),
    WorkerCode.NOTHING_KNOWN: gettext_noop("nothing is known of these photographs that it could learn from"),
    WorkerCode.COMPARING: gettext_noop("comparing"),
    WorkerCode.NOTHING_TO_TRY: gettext_noop(
        "There is no photograph to try networks on: import some, and see that their folder is there."
    ),
    WorkerCode.TRYING_NETWORK: gettext_noop("trying %(name)s"),
    WorkerCode.NETWORK_REFUSED: gettext_noop("%(name)s was not taken. %(error)s"),
    WorkerCode.PIECES_MISSING: gettext_noop("%(name)s did not arrive whole. Upload it again."),
    # Why there is no head, no ranking, or nothing to hunt by.
    WorkerCode.STRATEGY_UNUSABLE: gettext_noop(
        "The strategy %(name)s can't be used: %(error)s. Choose another one in the question's settings."
    ),
    WorkerCode.HEAD_UNUSABLE: gettext_noop(
        "The head %(name)s can't be used: %(error)s. Choose another one in the question's settings."
    ),
    WorkerCode.LIKENESS_UNKNOWN: gettext_noop(
        "A sample to look like has no embedding: it waits for a worker, or is broken."
    ),
    WorkerCode.CLASS_NOT_HUNTABLE: gettext_noop(
        "The class can't be hunted for yet: the head needs labels of it, and of another class."
    ),
    WorkerCode.NO_TEXTS: gettext_noop(
        "This project's featuriser reads no texts: hunt for a class, or for what looks like an example."
    ),
    WorkerCode.TEXTS_UNREADABLE: gettext_noop("The featuriser's half for texts can't be used: %(error)s"),
    WorkerCode.NO_EXAMPLE: gettext_noop("Nothing to hunt by yet: label one of these first, or start from an example."),
    WorkerCode.NOT_EMBEDDED: gettext_noop(
        "The example waits for a worker to look at it, or can’t be read. Choose another one."
    ),
    WorkerCode.NOTHING_EMBEDDED: gettext_noop(
        "No photograph has been looked at yet: the hunt can start once a worker has."
    ),
    WorkerCode.NO_CLASS: gettext_noop("How many remain can be told once you have said what this is."),
    WorkerCode.CLASS_UNKNOWN: gettext_noop(
        "How many remain can be told once there are labels of this and of another class."
    ),
    WorkerCode.NO_AUDIT: gettext_noop("How many at most can’t be told before audit samples are labelled."),
    WorkerCode.UNCLEAR: gettext_noop(
        "How many at most can’t be told: photographs or labels went since the audit was drawn."
    ),
    # A text, a table of texts or a row of it is not taken.
    Code.NO_TEXT: gettext_noop("There is no text in it."),
    Code.BINARY: gettext_noop("The content is no text."),
    Code.NUL_IN_TEXT: gettext_noop("It holds NUL characters, which no text has."),
    Code.ENCODING_UNKNOWN: gettext_noop("It is in no encoding that is known here: save it as UTF-8."),
    Code.BROKEN_BYTES: gettext_noop("It holds bytes that make no characters in %(name)s."),
    Code.ENDS_EARLY: gettext_noop("The file ends before its content is complete."),
    Code.ENCRYPTED: gettext_noop("It is encrypted: save it without a password."),
    Code.SCANNED: lambda n: ngettext(
        "%(n)s page without text, such as a scan: it takes text recognition first.",
        "%(n)s pages without text, such as a scan: they take text recognition first.",
        n,
    ),
    Code.LONG_TEXT: gettext_noop("The text has %(n)s characters, the limit is %(limit)s: cut it into several files."),
    Code.TOO_SLOW: gettext_noop("Reading it took more than %(seconds)s seconds."),
    Code.READING_MEMORY: gettext_noop("Reading it takes more than %(limit)s MB of memory."),
    Code.STOPPED_READER: gettext_noop("Reading this file stopped the reader."),
    Code.UNPACKS_TO_TOO_MUCH: gettext_noop("It unpacks to more than %(limit)s bytes."),
    Code.TOO_MANY_MEMBERS: gettext_noop("There are %(n)s files in it, the limit is %(limit)s."),
    Code.NOT_ONE_FILE: gettext_noop("There should be one table in this zip file, and there are %(n)s files."),
    Code.ARCHIVE_INSIDE: gettext_noop("An archive within an archive is not opened."),
    Code.LEADS_OUT_OF_ARCHIVE: gettext_noop("Its path leads out of the archive."),
    Code.PACKAGE_MISSING: gettext_noop("To read this, a package is missing: pip install %(name)s"),
    Code.NO_TABLE_IN_FOLDER: gettext_noop("There is no table in this folder."),
    Code.NO_TEXT_COLUMN: gettext_noop("No column looks like text: choose the one that does."),
    Code.NO_SUCH_COLUMN: gettext_noop("There is no column %(n)s, only %(of)s columns."),
    Code.OTHER_COLUMNS: gettext_noop("%(name)s has other columns."),
    Code.FEW_CELLS: gettext_noop("The row has %(n)s cells instead of %(wanted)s."),
    Code.MORE_CELLS: gettext_noop("The row has %(n)s cells, more than the %(wanted)s columns."),
    Code.LARGE_CELL: gettext_noop("A cell has more than %(limit)s characters."),
    Code.OPEN_QUOTE: gettext_noop("A quotation mark is opened and never closed."),
    Code.ODD_QUOTE: gettext_noop("Something stands between a closing quotation mark and the end of its cell."),
    Code.BAD_JSON: gettext_noop("It is no JSON (%(error)s)."),
    Code.NO_OBJECT: gettext_noop("It is JSON, but no object with names and values."),
    Code.NO_JSON_ROWS: gettext_noop("It looks like JSON, but there are no rows in it: save one object a line."),
    # How a table of texts is read, and why.
    Code.ENCODING_GIVEN: gettext_noop("The encoding was chosen: %(name)s."),
    Code.ENCODING_MARKED: gettext_noop("The file begins with the mark of %(name)s."),
    Code.ENCODING_FITS: gettext_noop("All that was looked at is %(name)s."),
    Code.ENCODING_MOSTLY: gettext_noop("Most of what was looked at is %(name)s; places that are not: %(n)s."),
    Code.ENCODING_LIKELY: gettext_noop("It is not UTF-8; by its letters it is likely %(name)s."),
    Code.DELIMITER_PARTS: gettext_noop("%(name)s parts the rows into %(n)s cells each."),
    Code.LINES_ARE_TEXTS: gettext_noop("Nothing parts rows into equally many cells: every row is one text."),
    Code.QUOTES_ARE_PLAIN: gettext_noop("Quotation marks are part of the text: read otherwise they break rows."),
    Code.HEADER: gettext_noop("The first row names the columns."),
    Code.NO_HEADER: gettext_noop("The first row is data like the others."),
    Code.SAME_HEADER: gettext_noop("Several columns have the name %(name)s."),
    Code.TEXT_BY_NAME: gettext_noop("%(name)s is the text, by its name."),
    Code.TEXT_BY_LENGTH: gettext_noop("%(name)s is the text: it has the longest cells, %(n)s characters on average."),
    Code.LABEL_BY_NAME: gettext_noop("%(name)s is the label, by its name."),
    Code.LABEL_BY_REPEATS: gettext_noop("%(name)s is the label: %(of)s rows share %(n)s values."),
    Code.GROUP_BY_NAME: gettext_noop("%(name)s says what belongs together, by its name."),
    # What to know about a document that is taken.
    Code.CHARACTERS_REPLACED: lambda n: ngettext(
        "%(n)s place could not be read and is shown as �.", "%(n)s places could not be read and are shown as �.", n
    ),
    Code.ATTACHMENTS_LEFT: lambda n: ngettext("%(n)s attachment is left out.", "%(n)s attachments are left out.", n),
    Code.PAGES_WITHOUT_TEXT: lambda n: ngettext("%(n)s page has no text.", "%(n)s pages have no text.", n),
    # When to stop.
    Code.FEW_ROUNDS: gettext_noop("%(n)s of the %(wanted)s rounds it takes to see whether predictions are stable"),
    Code.STABLE: gettext_noop("predictions hardly change from round to round (kappa %(kappa)s, wanted %(wanted)s)"),
    Code.NOT_STABLE: gettext_noop("predictions still change from round to round (kappa %(kappa)s, wanted %(wanted)s)"),
    Code.ACCURATE: gettext_noop("accuracy is surely %(low)s%% or more, as wanted %(target)s%%"),
    Code.NOT_ACCURATE: gettext_noop("accuracy is surely %(low)s%% or more, but not the wanted %(target)s%%"),
    Code.NOTHING_AUDITED: gettext_noop("no audit labels yet to tell what is undiscovered"),
    Code.NEW_CLASS: gettext_noop("a new class came %(n)s labels ago, wanted %(wanted)s without one"),
    Code.NOT_EXPLORED: gettext_noop(
        "classes seen so far surely make up %(low)s%% of the pool (wanted %(wanted)s%%), and about %(missing)s more "
        "classes are there (wanted below 1)"
    ),
    Code.EXPLORED: gettext_noop("no new class in %(n)s labels, and those seen surely make up %(low)s%% of the pool"),
    # How many labels a target takes, and what labels were worth.
    WorkerCode.FEW_AUDIT_SAMPLES: gettext_noop("too early to tell: %(n)s of the %(wanted)s audit samples it takes"),
    Code.FEW_POINTS: gettext_noop("too early to tell: %(n)s of the %(wanted)s points it takes"),
    Code.OUT_OF_SIGHT: gettext_noop("not within %(n)s times the present labels, as the curve runs now"),
    Code.LABELS_BETWEEN: gettext_noop("about %(n)s labels, at least %(low)s; at most %(high)s"),
    Code.LABELS_AT_LEAST: gettext_noop("about %(n)s labels, at least %(low)s; how many at most cannot be told yet"),
    Code.LABELS_UNKNOWN: gettext_noop(
        "more labels than the curve can tell, at least %(low)s; how many at most cannot be told yet"
    ),
    WorkerCode.ONE_CLASS_ONLY: gettext_noop("only for questions with one class a sample"),
    Code.FEW_SIZES: gettext_noop("too early to tell: it takes %(n)s sizes of random samples"),
    Code.WORTH_UNCLEAR_AT_LEAST: gettext_noop(
        "cannot be told yet: %(used)s labels were worth at least %(low)s random ones; how many at most cannot be told"
    ),
    Code.WORTH_UNCLEAR: gettext_noop(
        "cannot be told yet: %(used)s labels were worth at least %(low)s random ones; at most %(high)s"
    ),
    Code.WORTH_AT_LEAST: gettext_noop(
        "%(used)s labels were worth about %(n)s random ones (at least %(low)s; how many at most cannot be told)"
    ),
    Code.WORTH: gettext_noop("%(used)s labels were worth about %(n)s random ones (at least %(low)s; at most %(high)s)"),
    Code.WORTH_BEYOND_AT_LEAST: gettext_noop(
        "%(used)s labels were worth about %(n)s random ones, extrapolated from %(largest)s (at least %(low)s; how many "
        "at most cannot be told)"
    ),
    Code.WORTH_BEYOND: gettext_noop(
        "%(used)s labels were worth about %(n)s random ones, extrapolated from %(largest)s (at least %(low)s; at most "
        "%(high)s)"
    ),
    Code.WORTH_MORE: gettext_noop(
        "%(used)s labels were worth more than %(n)s random ones, extrapolated from %(largest)s (at least %(low)s; how "
        "many at most cannot be told)"
    ),
    # Accepting predictions, and the recall of starred classes.
    Code.FEW_AUDITED: gettext_noop(
        "%(n)s audit samples; it takes at least %(enough)s to show an error of %(epsilon)s%% or less"
    ),
    Code.SAFE: gettext_noop(
        "%(wrong)s of %(audited)s audit samples were wrong, so at most %(bound)s%% of %(accepted)s accepted ones"
    ),
    Code.NOT_SAFE: gettext_noop(
        "not safe even where the head is surest: %(wrong)s of %(audited)s audit samples were wrong, so at most "
        "%(bound)s%% of %(accepted)s accepted ones"
    ),
    Code.FEW_CAMERAS: gettext_noop("two cameras with %(n)s pictures or more among those looked at are needed"),
    Code.CAMERAS_ALIKE: gettext_noop("nothing in these embeddings tells the cameras apart"),
    Code.NO_BATCH_STATISTICS: gettext_noop("this network keeps no batch statistics that could be those of the pool"),
    Code.NOT_FITTED: gettext_noop("it could not be fitted: %(error)s"),
    Code.HEAD_NOT_STORABLE: gettext_noop(
        "%(name)s cannot be stored as plain numbers, and nothing is pickled here: choose a linear classifier, or one "
        "of the heads logistic, centroid, svm and knn"
    ),
    # Exports.
    WorkerCode.EXPORTING: gettext_noop("writing"),
    WorkerCode.PACKING: gettext_noop("packing"),
    WorkerCode.EXPORT_OF_NOTHING: gettext_noop("There is nothing to export yet: the project holds no files."),
    WorkerCode.EXPORT_OF_PICTURES: gettext_noop("This format is for photographs, and the project is of texts."),
    WorkerCode.EXPORT_REGROUPED: gettext_noop(
        "Pictures were grouped into events anew while they were exported: begin again once that is done."
    ),
    WorkerCode.EXPORT_WITHOUT_PLACES: lambda n: ngettext(
        "%(n)s deployment has no coordinates, and this format cannot be without: %(some)s. Fill them in on the page "
        "of deployments, or choose to leave out what is incomplete.",
        "%(n)s deployments have no coordinates, and this format cannot be without: %(some)s. Fill them in on the page "
        "of deployments, or choose to leave out what is incomplete.",
        n,
    ),
    WorkerCode.EXPORT_WITHOUT_TIMES: lambda n: ngettext(
        "Of %(n)s picture nobody knows when or where it was taken, and this format cannot be without: %(some)s. "
        "Choose to leave out what is incomplete.",
        "Of %(n)s pictures nobody knows when or where they were taken, and this format cannot be without: %(some)s. "
        "Choose to leave out what is incomplete.",
        n,
    ),
    WorkerCode.EXPORT_NEEDS_PACKAGE: gettext_noop("This needs a package that is not here: pip install %(name)s"),
    WorkerCode.EXPORT_NEEDS_EMBEDDINGS: gettext_noop("Nothing has been embedded yet."),
    WorkerCode.EXPORT_NEEDS_HEAD: gettext_noop("There is no classifier yet: label samples of two classes first."),
    WorkerCode.EXPORT_NOT_A_GRAPH: gettext_noop(
        "The classifier sees %(name)s, which cannot be written as a graph. Let the project learn from a network alone."
    ),
    WorkerCode.EXPORT_NO_CLASS: gettext_noop("There is no class %(name)s whose places could be coarsened."),
    WorkerCode.EXPORT_NO_COLUMN: gettext_noop("There is no column %(name)s; there are: %(some)s."),
    # What is tried: parts of networks, and what has learnt nothing.
    WorkerCode.LAST_LAYER: gettext_noop("%(name)s, last layer"),
    WorkerCode.LEVELS: gettext_noop("%(name)s, levels"),
    WorkerCode.LAYER_AND_LEVELS: gettext_noop("%(name)s, last layer and levels"),
    WorkerCode.PIXELS: gettext_noop("pixels of small copies"),
    WorkerCode.GRADIENTS: gettext_noop("gradients and colours"),
    WorkerCode.UNTRAINED: gettext_noop("%(name)s with random weights"),
    # Whether a pretrained network serves.
    Code.TRANSFERS_WELL: gettext_noop(
        "Transfers well: by %(n)s labels %(name)s is right about %(score)s%%; %(rival)s, without any training, about "
        "%(other)s%%."
    ),
    Code.TRANSFERS_LITTLE: gettext_noop(
        "Transfers a little: by %(n)s labels %(name)s is right about %(score)s%%; %(rival)s, without any training, "
        "about %(other)s%%. More labels will make fine-tuning worth a try."
    ),
    Code.NO_BETTER: gettext_noop(
        "No better than pixels: by %(n)s labels %(name)s is right about %(score)s%%; %(rival)s, without any training, "
        "about %(other)s%%. Collect labels for fine-tuning, or adapt a network to these pictures."
    ),
    Code.FEW_LABELS: gettext_noop(
        "Too few labels to tell: there are %(n)s that count; from about %(wanted)s on it is worth asking again."
    ),
    Code.ALIKE_ONLY: gettext_noop(
        "Without labels only likeness can be told: %(name)s knows %(score)s%% of altered copies and burst mates again; "
        "%(rival)s, without any training, %(other)s%%. Whether classes are told apart, labels will show."
    ),
    Code.NO_NETWORK: gettext_noop("No network could be tried: see what is missing below."),
    Code.NO_RIVAL: gettext_noop("There was nothing to compare the networks with."),
    # Word vectors that can't be read, and what they know of a project's words.
    WorkerCode.READING_WORDS: gettext_noop("looking up words in %(name)s"),
    WorkerCode.NO_WORDS: gettext_noop("There is no text to look for words in: import some first."),
    WorkerCode.NO_VECTORS_HERE: gettext_noop("There are no word vectors on this server."),
    WordCode.VECTORS_MISSING: gettext_noop("There are no word vectors %(file)s on this server."),
    WordCode.VECTORS_UNREADABLE: gettext_noop("The word vectors %(file)s cannot be read: %(error)s."),
    WordCode.NO_VECTORS: gettext_noop("There are no word vectors in %(file)s."),
    WordCode.BAD_LINE: gettext_noop("%(file)s cannot be read as word vectors: at line or word %(place)s, %(error)s."),
    WordCode.CUT_AT: gettext_noop("%(file)s ends at line or word %(place)s of %(wanted)s: it did not arrive whole."),
    WordCode.UNSAFE_PICKLE: gettext_noop("%(file)s was not opened: reading it would run %(name)s."),
    WordCode.NOT_SUPPORTED: gettext_noop("%(file)s holds word vectors of a kind that is not read here: %(kind)s."),
    WordCode.WORDS_KNOWN: gettext_noop(
        "Hardly a word is unknown: %(tokens)s%% of all words said, and %(mass)s%% where rare words count for more."
    ),
    WordCode.WORDS_UNKNOWN: gettext_noop(
        "Unknown are %(tokens)s%% of all words said, and %(mass)s%% where rare words count for more."
    ),
    WordCode.AS_ACCURATE: gettext_noop(
        "By %(n)s labels a classifier is right about %(accuracy)s%% on these embeddings, as good as the %(rival)s%% on "
        "what is counted in this project's own texts."
    ),
    WordCode.LESS_ACCURATE: gettext_noop(
        "By %(n)s labels a classifier is right about %(accuracy)s%% on these embeddings, and about %(rival)s%% on what "
        "is counted in this project's own texts."
    ),
    WordCode.WORDS_ALONE: gettext_noop(
        "Words alone tell little: vectors that know every word may serve badly. With labels that is measured."
    ),
    WorkerCode.NO_DRAW: gettext_noop("no audit sample has been drawn from the whole pool yet"),
    WorkerCode.CLASS_KEPT: gettext_noop("The class is kept: meanwhile something has come to name it."),
    WorkerCode.ROUNDS_CONTRADICT: gettext_noop(
        "the rounds contradict each other: more of the class was found than can have been there"
    ),
}


class Explained(Exception):
    """Something went wrong, or waits, for a reason that people are told: a notice, or a sentence in their language."""

    def __init__(self, reason: Notice | str = "") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return sentence(self.reason)


# --- showing --------------------------------------------------------------------------------------


def sentence(said: Said | None) -> str:
    """What a notice says in the reader's language; of several, one after the other. Plain text stays as it is."""
    if isinstance(said, str):
        said = _read(said)
    if isinstance(said, str):
        return said
    if isinstance(said, Notice):
        return _sentence(said.code, said.parameters)
    if isinstance(said, Mapping):
        return _sentence(said.get("code", ""), said.get("parameters", said))
    return "; ".join(map(sentence, said or ()))


def _read(text: str) -> Said:
    """The notice that a column of text holds, or the text where it is none."""
    try:
        said: Said = json.loads(text) if text.startswith(('{"code": ', '[{"code": ')) else text
    except ValueError:
        return text
    return said


def _sentence(code: str, parameters: Mapping[str, Any]) -> str:
    known = SENTENCES.get(code)
    if known is None:  # another version's
        return code
    text = _(known) if isinstance(known, str) else known(parameters.get("n", 0))
    return text % _Parts((name, _shown(value)) for name, value in parameters.items())


class _Parts(dict[str, str]):
    """The parts of a sentence: a page is shown, even where a row of another version lacks one."""

    def __missing__(self, name: str) -> str:
        return REST


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(number_format(int(value) if value == int(value) else value, force_grouping=True))
    return sentence(value)


# --- storing --------------------------------------------------------------------------------------


def as_json(said: Notice | str) -> Any:
    """What a column of JSON holds."""
    return asdict(said.with_texts(storable)) if isinstance(said, Notice) else storable(said)


def stored(said: Notice | str | Sequence[Notice | str], most: int) -> str:
    """What a column of text with room for so many characters holds: a notice as JSON, its longest text cut to fit."""
    if isinstance(said, str):
        return said[:most]
    if isinstance(said, Notice):
        clean = said.with_texts(storable)
        while len(text := json.dumps(asdict(clean), ensure_ascii=False)) > most:
            clean = _shorter(clean, len(text) - most)
        return text
    room = (most - 2 * len(said)) // max(1, len(said))
    parts = (stored(each, room) if isinstance(each, Notice) else json.dumps(each) for each in said)
    return f"[{', '.join(parts)}]"


def _shorter(notice: Notice, excess: int) -> Notice:
    """The same with its longest text cut by so many characters, or to nothing."""
    longest = max((each for each in notice.parameters.values() if isinstance(each, str)), key=len, default="")
    if len(longest) <= len(REST):
        raise ValueError(f"There is no room for {notice}")
    cut = longest[: max(0, len(longest) - excess - len(REST))] + REST
    return notice.with_texts(lambda text: cut if text == longest else text)
