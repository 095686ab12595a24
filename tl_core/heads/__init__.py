"""Classifiers trained on embeddings, by name.

All are scikit-learn compatible: ``fit(X, y, sample_weight=None)``, ``predict``, ``predict_proba``, ``classes_``, and
``logits``. `files` and `plain` are cheap to import; the others import scikit-learn, and only when they are asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tl_core.heads.base import Classifier

DEFAULT = "transductive"
_registry = {
    "transductive": ("tl_core.heads.transductive", "TransductiveHead"),
    "logistic": ("tl_core.heads.logistic", "LogisticHead"),
    "centroid": ("tl_core.heads.centroid", "CentroidHead"),
    "svm": ("tl_core.heads.svm", "SvmHead"),
    "knn": ("tl_core.heads.knn", "KnnHead"),
}


def register(name: str, module: str, class_name: str) -> None:
    """Add a head, imported only when it is asked for.

    Parameters
    ----------
    name : str
        New, without a dot.
    module, class_name : str
        Where its class is.

    Raises
    ------
    ValueError
        The name is taken or has a dot.
    """
    if name in _registry or "." in name:
        raise ValueError(f"{name!r} is registered already or has a dot")
    _registry[name] = (module, class_name)


def names() -> tuple[str, ...]:
    """Return the registered names, in order of registration."""
    return tuple(_registry)


def get(name: str = DEFAULT, **parameters: Any) -> "Classifier":
    """Return an unfitted head.

    Parameters
    ----------
    name : str
        One of `names`, or the dotted path of any scikit-learn classifier, such as
        ``"sklearn.ensemble.RandomForestClassifier"``, in a package that is allowed (see `tl_core.importing`); it then
        sees centred unit vectors.
    **parameters
        Of the head. For a dotted path ``pool_mean`` and ``temperature`` are the head's, all else the classifier's.

    Returns
    -------
    Classifier
        Scikit-learn compatible.

    Raises
    ------
    KeyError
        No such head, or nothing allowed at that path.
    TypeError
        It has no such parameter.
    ValueError
        What is at that path is not a classifier.
    """
    if name in _registry:
        module, class_name = _registry[name]
        head: Classifier = getattr(importlib.import_module(module), class_name)(**parameters)
        return head
    if "." not in name:
        raise KeyError(f"no head {name!r}; there are: {', '.join(_registry)}, and any dotted path of a classifier")
    from tl_core.heads.foreign import ForeignHead

    own = {key: parameters.pop(key) for key in ("pool_mean", "temperature") if key in parameters}
    return ForeignHead(name, parameters, **own).checked()
