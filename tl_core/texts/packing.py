"""Which texts are computed together: those of about one length, so that next to nothing is computed for nothing."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def batches(lengths: Sequence[int], most_tokens: int) -> list[NDArray[np.intp]]:
    """Pack texts into batches by their tokens, the longest first.

    Parameters
    ----------
    lengths : sequence of int
        Tokens of each text, above 0.
    most_tokens : int
        Of a batch, counted as its longest text times its texts; a longer text is alone.

    Returns
    -------
    list of ndarray of intp
        Positions of the texts, each in one batch.
    """
    order = np.argsort(-np.asarray(lengths, np.intp), kind="stable")
    packed, start = [], 0
    while start < len(order):
        size = max(1, most_tokens // lengths[order[start]])
        packed.append(order[start : start + size])
        start += size
    return packed


def windows(tokens: Sequence[int], longest: int, most: int) -> list[Sequence[int]]:
    """Cut a text into windows of about one length, none longer than ``longest``; what is beyond ``most`` is left out.

    Parameters
    ----------
    tokens : sequence of int
        Of one text, without marks.
    longest : int
        Tokens of a window, above 0.
    most : int
        Windows, above 0.

    Returns
    -------
    list of sequence of int
        None is empty; none at all where the text is.
    """
    read = tokens[: longest * most]
    number = -(-len(read) // longest)
    ends = [len(read) * (at + 1) // number for at in range(number)]
    return [read[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def padded(texts: Sequence[Sequence[int]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Bring texts of one batch to one length.

    Parameters
    ----------
    texts : sequence of sequences of int
        Tokens with their marks.

    Returns
    -------
    ids, mask : ndarray of int32, shape (n, t)
        Tokens, 0 where there are none; 1 where there are any.
    """
    ids = np.zeros((len(texts), max(map(len, texts))), np.int32)
    mask = np.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return ids, mask
