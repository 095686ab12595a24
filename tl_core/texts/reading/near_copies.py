"""Nearly the same text: MinHash signatures of a fixed size, and which texts they make one.

Broder, On the resemblance and containment of documents, 1997; stored with few bits a value as in Li and König, b-bit
minwise hashing, 2010.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from tl_core.texts.reading.copies import normalised

N_VALUES = 120
SIGNATURE_BYTES = 2 * N_VALUES
THRESHOLD = 0.8
_LETTERS = 5  # of a shingle
_BANDS, _ROWS = 20, 6  # at a likeness of .8 one pair in 400 shares no band, at .5 three in four
_TOGETHER = 1 << 19  # letters hashed at a time: their hashes stay in the cache of one core
_PASSES = 4  # how often what is unlike the first of its band is compared with the next
_PRIME = np.uint32(16777619)

_random = np.random.default_rng(20_261_129)  # part of what a signature is: never to be changed
_FACTORS = _random.integers(0, 1 << 31, N_VALUES, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
_TERMS = _random.integers(0, 1 << 32, N_VALUES, dtype=np.uint32)
_BAND_FACTORS = _random.integers(0, 1 << 63, _ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


def signatures(texts: Iterable[str], tell: Callable[[int], None] = lambda done: None) -> Iterator[NDArray[np.uint16]]:
    """Make the signatures of texts: of two, the share of equal values estimates how many shingles they share.

    Shingles are five letters each, of the normalised text in lower case.

    Parameters
    ----------
    texts : iterable of str
        Any; read once, a few at a time.
    tell : callable
        Told how many texts are done; what it raises stops the work.

    Yields
    ------
    ndarray of uint16, shape (n, N_VALUES)
        Of the next n texts. ``row.tobytes()`` is what a database may store, `of_bytes` what is made of it.
    """
    held: list[NDArray[np.uint32]] = []
    n_letters = done = 0
    for text in texts:
        letters = np.frombuffer(normalised(text).lower().encode("utf-32-le", "surrogatepass"), np.uint32)
        if len(letters) < _LETTERS:
            letters = np.concatenate([letters, np.zeros(_LETTERS - len(letters), np.uint32)])
        held.append(letters)
        n_letters += len(letters)
        if n_letters >= _TOGETHER:
            yield _signed(held)
            done += len(held)
            tell(done)
            held, n_letters = [], 0
    if held:
        yield _signed(held)
        tell(done + len(held))


def of_bytes(stored: Iterable[bytes]) -> NDArray[np.uint16]:
    """Return signatures that were stored as bytes.

    Parameters
    ----------
    stored : iterable of bytes
        `SIGNATURE_BYTES` each.

    Returns
    -------
    ndarray of uint16, shape (n, N_VALUES)

    Raises
    ------
    ValueError
        They are no signatures.
    """
    return np.frombuffer(b"".join(stored), np.dtype("<u2")).reshape(-1, N_VALUES).astype(np.uint16, copy=False)


def likeness(one: NDArray[np.uint16], other: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Estimate which share of their shingles texts have in common; its standard error is at most 0.046.

    Parameters
    ----------
    one, other : ndarray of uint16, shape (..., N_VALUES)
        Signatures; shapes that fit each other.

    Returns
    -------
    ndarray of float32, shape (...)
        0 to 1.
    """
    alike: NDArray[np.float32] = np.count_nonzero(one == other, axis=-1) / np.float32(N_VALUES)
    return alike


def representatives(
    new: NDArray[np.uint16],
    known: NDArray[np.uint16] | None = None,
    threshold: float = THRESHOLD,
    tell: Callable[[float], None] = lambda share: None,
) -> NDArray[np.int64]:
    """Fold near-copies: give every text the text that stands for it.

    A text is as like the one that stands for it as the threshold says, always; likeness is not handed on from text to
    text. The earlier text stands for the later one. It takes less memory than the signatures.

    Parameters
    ----------
    new : ndarray of uint16, shape (n, N_VALUES)
        In the order of their import.
    known : ndarray of uint16, shape (m, N_VALUES), optional
        Of those that stand for themselves since earlier imports; they go on doing so.
    threshold : float
        The likeness from which on two texts are one.
    tell : callable
        Told which share of the work is done; what it raises stops it.

    Returns
    -------
    ndarray of int64, shape (n,)
        Below m: that known text. Otherwise m + the place among the new ones, its own where it stands for itself.
    """
    both = _Joined(np.empty((0, N_VALUES), np.uint16) if known is None else known, new)
    last = np.full(len(both), -1, np.int32)  # what a text was found to be like in the bands before
    pairs = []
    for band in range(_BANDS):
        pairs.append(_alike_in_band(both, band, threshold, last))
        tell((band + 1) / (_BANDS + 1))
    later, earlier = (np.concatenate(each) for each in zip(*pairs, strict=True))
    order = np.argsort(later, kind="stable")
    standing = _settled(both, later[order], earlier[order], threshold)
    tell(1.0)
    return standing[both.n_known :]


def _settled(
    both: "_Joined", later: NDArray[np.int32], earlier: NDArray[np.int32], threshold: float
) -> NDArray[np.int64]:
    """What stands for each text: one that stands for itself. In order, so that of earlier ones it is settled."""
    standing = np.arange(len(both))
    for start, end in itertools.pairwise([*np.flatnonzero(np.diff(later, prepend=-1)).tolist(), len(later)]):
        text = int(later[start])
        others = earlier[start:end]
        stands = standing[others]
        selves = others[stands == others]
        if len(selves):
            standing[text] = selves.min()
            continue
        for candidate in np.unique(stands).tolist():  # like one that is no representative: like the one of that?
            if likeness(both[np.array([text])], both[np.array([candidate])])[0] >= threshold:
                standing[text] = candidate
                break
    return standing


class _Joined:
    """Two arrays of signatures as one, without a copy of both."""

    def __init__(self, known: NDArray[np.uint16], new: NDArray[np.uint16]) -> None:
        self._known, self._new = known, new
        self.n_known = len(known)

    def __len__(self) -> int:
        return self.n_known + len(self._new)

    def __getitem__(self, places: NDArray[np.signedinteger]) -> NDArray[np.uint16]:
        rows = np.empty((len(places), N_VALUES), np.uint16)
        is_known = places < self.n_known
        rows[is_known] = self._known[places[is_known]]
        rows[~is_known] = self._new[places[~is_known] - self.n_known]
        return rows

    def keys(self, band: int) -> NDArray[np.uint64]:
        """One number for the values of a band."""
        columns = slice(band * _ROWS, (band + 1) * _ROWS)
        return np.concatenate([_mixed(each[:, columns]) for each in (self._known, self._new)])


def _mixed(values: NDArray[np.uint16]) -> NDArray[np.uint64]:
    keys = np.zeros(len(values), np.uint64)
    for row in range(_ROWS):
        keys = (keys + values[:, row]) * _BAND_FACTORS[row]
        keys ^= keys >> np.uint64(29)
    return keys


def _alike_in_band(
    both: _Joined, band: int, threshold: float, last: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pairs (later, earlier) that share a band and are alike, but those that ``last`` has from a band before.

    In a group with one key all are compared with its first; those that are not like it among themselves, in the next
    pass.
    """
    keys = both.keys(band)
    places = np.argsort(keys, kind="stable").astype(np.int32)
    later, earlier = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    for _ in range(_PASSES):
        if len(places) < 2:
            break
        same = keys[places]
        begins = np.flatnonzero(np.concatenate([[True], same[1:] != same[:-1]]))
        sizes = np.diff(begins, append=len(places))
        grouped = np.repeat(sizes > 1, sizes)
        firsts = np.repeat(places[begins], sizes)[grouped]
        is_first = np.zeros(len(places), bool)
        is_first[begins] = True
        places, is_first = places[grouped], is_first[grouped]
        alike = last[places] == firsts
        where = np.flatnonzero(~is_first & ~alike & (places >= both.n_known))  # known ones are told apart already
        for start in range(0, len(where), 1 << 15):
            some = where[start : start + (1 << 15)]
            alike[some] = likeness(both[places[some]], both[firsts[some]]) >= threshold
        fresh = where[alike[where]]
        later.append(places[fresh])
        earlier.append(firsts[fresh])
        last[places[fresh]] = firsts[fresh]
        places = places[~is_first & ~alike]
    return np.concatenate(later), np.concatenate(earlier)


def _signed(texts: list[NDArray[np.uint32]]) -> NDArray[np.uint16]:
    """The signatures of some texts, whose letters are hashed in one array."""
    letters = np.concatenate(texts)
    lengths = np.array([len(each) for each in texts])
    hashes = letters[: len(letters) - _LETTERS + 1].copy()
    for ahead in range(1, _LETTERS):
        hashes *= _PRIME
        hashes ^= letters[ahead : len(letters) - _LETTERS + 1 + ahead]
    hashes = _scrambled(hashes)
    ends = np.cumsum(lengths)
    # Shingles that reach into the next text are left out.
    inside = np.ones(len(letters), bool)
    for back in range(1, _LETTERS):
        inside[ends - back] = False
    hashes = hashes[inside[: len(hashes)]]
    starts = np.concatenate([[0], np.cumsum(lengths - _LETTERS + 1)[:-1]])
    smallest = np.empty((N_VALUES, len(texts)), np.uint32)
    permuted = np.empty_like(hashes)
    for at in range(N_VALUES):
        np.multiply(hashes, _FACTORS[at], out=permuted)
        permuted += _TERMS[at]
        permuted ^= permuted >> np.uint32(15)
        np.minimum.reduceat(permuted, starts, out=smallest[at])
    return (_scrambled(smallest.T) & np.uint32(0xFFFF)).astype(np.uint16)


def _scrambled(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Let every bit depend on every other (the end of MurmurHash3)."""
    values = values ^ (values >> np.uint32(16))
    values *= np.uint32(0x85EBCA6B)
    values ^= values >> np.uint32(13)
    values *= np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))
