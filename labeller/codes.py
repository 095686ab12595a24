"""What workers of the site have to say to people, as codes: `messages` has the sentences."""

from tl_core.notices import Codes


class WorkerCode(Codes):
    """A code, and the names of its parameters. Shares are in percent."""

    # How far a job is, and what it waits for.
    NEW_FILES = "new_files", "n"
    DECODING = "decoding", "path"
    LOADING_NETWORK = "loading_network"
    READING_INDEX = "reading_index"
    SAVING_INDEX = "saving_index"
    TUNING = "tuning"
    RANKING = "ranking"
    LITTLE_SPACE = "little_space", "n", "path"
    NO_SPACE = "no_space", "path"
    SOURCE_GONE = "source_gone", "path"
    REPAIRING = "repairing", "n"
    MIX_GONE = "mix_gone", "name"
    SHARD_WAITS = "shard_waits", "n", "name"
    NEW_FILES_FIRST = "new_files_first"
    EMBEDDED_FIRST = "embedded_first", "name"
    # What labels and truth a source had.
    TABLE_APPLIED = "table_applied", "name", "rows", "n"
    FOLDERS_APPLIED = "folders_applied", "level", "n"
    # Why there is no head, or no ranking.
    STRATEGY_UNUSABLE = "strategy_unusable", "name", "error"
    HEAD_UNUSABLE = "head_unusable", "name", "error"
    LIKENESS_UNKNOWN = "likeness_unknown"
    CLASS_NOT_HUNTABLE = "class_not_huntable"
    # Why there is nothing to hunt by, and why a number of a hunt is unknown.
    NO_EXAMPLE = "no_example"
    NOT_EMBEDDED = "not_embedded"
    NOTHING_EMBEDDED = "nothing_embedded"
    NO_CLASS = "no_class"
    CLASS_UNKNOWN = "class_unknown"
    NO_AUDIT = "no_audit"
    UNCLEAR = "unclear"
    # Why something can't be told of a question yet.
    FEW_AUDIT_SAMPLES = "few_audit_samples", "n", "wanted"
    ONE_CLASS_ONLY = "one_class_only"
    NO_DRAW = "no_draw"
    ROUNDS_CONTRADICT = "rounds_contradict"
    # What is looked at in a network that was uploaded, and why it is not kept.
    TRYING_NETWORK = "trying_network", "name"
    NETWORK_REFUSED = "network_refused", "name", "error"
    PIECES_MISSING = "pieces_missing", "name"
    # What became of a deletion.
    CLASS_KEPT = "class_kept"
    # Why a file is no sample, or what to know about one.
    STOPPED_WORKER = "stopped_worker"
    NOT_LOOKED_AT = "not_looked_at", "error"
    NOT_STORED = "not_stored", "error"
    SAME_CONTENT = "same_content", "path"
    CHANGED = "changed"
    LEADS_OUT = "leads_out"
    NO_PERMISSION = "no_permission"
    PATH_TOO_LONG = "path_too_long"
    DEAD_LINK = "dead_link"
    LINK_CIRCLE = "link_circle"
    SPECIAL_FILE = "special_file"
    UNREADABLE = "unreadable", "error"
    # Why a folder or a table can't be used.
    FOLDER_MISSING = "folder_missing", "path"
    NO_FOLDER = "no_folder", "path"
    FOLDER_FORBIDDEN = "folder_forbidden", "path"
    FOLDER_EMPTY = "folder_empty", "path"
    ONLY_LINKS = "only_links", "path", "n", "some"
    NOTHING_READABLE = "nothing_readable", "path", "some", "detail"
    URL_UNREADABLE = "url_unreadable", "url", "error"
    TABLE_UNREADABLE = "table_unreadable", "path", "error"
    TABLE_EMPTY = "table_empty", "path"
    NO_TABLE = "no_table", "path", "name"
    NUL_IN_TABLE = "nul_in_table", "path"
    NO_COLUMNS = "no_columns", "path"
    NO_FOLDER_LEVELS = "no_folder_levels"
    NO_SUCH_LEVEL = "no_such_level", "level", "levels"
