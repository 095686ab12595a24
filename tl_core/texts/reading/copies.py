"""The same text twice: what a text is known again by."""

import hashlib
import unicodedata


def normalised(text: str) -> str:
    """Return a text as it is compared: Unicode's composed form (NFC), one blank wherever there is white space.

    Parameters
    ----------
    text : str
        Any.

    Returns
    -------
    str
        Without white space at its ends.
    """
    blank = " ".join(text.split())
    return blank if blank.isascii() else unicodedata.normalize("NFC", blank)


def digest(text: str) -> str:
    """Return what equal texts share: a digest of the normalised text.

    Parameters
    ----------
    text : str
        Any.

    Returns
    -------
    str
        32 hexadecimal digits (BLAKE2b).

    Raises
    ------
    UnicodeEncodeError
        It holds half a surrogate pair: no text, and nothing that could be stored.
    """
    return hashlib.blake2b(normalised(text).encode(), digest_size=16).hexdigest()
