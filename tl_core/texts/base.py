"""What every featuriser of texts offers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tl_core.featurisers.base import Block


class TextFeaturiser(ABC):
    """What makes a text's embedding.

    Attributes
    ----------
    name : str
        The canonical spec: equal for equal featurisers.
    dimension : int
        Length of an embedding.
    source : str
        Where the weights come from, for people.
    languages : tuple of str
        ISO 639-1 codes of what it was made for; empty = it does not matter.
    is_quick : bool
        Whether a page may wait for some dozens of texts.
    fitted_on : int
        Texts that it was fitted on; 0 where it was not, or does not say.
    """

    name: str
    dimension: int
    fitted_on: int = 0
    source: str = "this project"
    languages: tuple[str, ...] = ()
    is_quick: bool = False

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What an embedding is made of, in the order of its columns."""
        return (Block("last", 0, self.dimension),)

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """16 hexadecimal digits. Embeddings with equal fingerprints may be mixed; others must not be.

        Raises
        ------
        FeaturiserUnavailable
            The weights are not here.
        """

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts; a text's vector does not depend on the texts beside it.

        Parameters
        ----------
        texts : sequence of str
            Any; an empty one has a vector of zeros.

        Returns
        -------
        ndarray of float32, shape (n, dimension)

        Raises
        ------
        FeaturiserUnavailable
            The weights or the code are not here; the message says what to install.
        """


class Fittable(ABC):
    """What has to see a pool before it can embed texts, such as counts of words.

    Attributes
    ----------
    kind : str
        What files and specs call it: ``svd`` is to be fitted, ``svd/DIGEST`` was.
    sample : int
        As many texts, drawn at random, teach what all of a pool would; 0 where every text does.
    """

    kind: str
    sample: int = 0

    @abstractmethod
    def fit(self, texts: Callable[[], Any], tell: Callable[[int], None] = lambda done: None) -> Mapping[str, Any]:
        """Learn from a pool.

        Parameters
        ----------
        texts : callable
            Returns an iterator over all texts, or over `sample` of them or more; called once for each pass.
        tell : callable
            Told how many texts are done; what it raises stops the work.

        Returns
        -------
        mapping of str to ndarray
            Arrays (strings as UTF-8 bytes in a uint8 array) that `tl_core.texts.fitted` saves and loads.
        """
