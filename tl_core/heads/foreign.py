# ruff: noqa: N803, N806 - matrices are X, Z, P and W here, as in scikit-learn
"""Any scikit-learn classifier as a head. Imports scikit-learn: workers only."""

import inspect
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from tl_core import importing
from tl_core.heads.base import Classifier, Float32
from tl_core.heads.plain import LinearHead, scored

_LEAST = 1e-12  # probabilities below count as this, so that logarithms stay finite
_CHECKED_ROWS = 32


def _is_linear(head: "ForeignHead") -> bool:
    return getattr(head, "linear_", None) is not None


class ForeignHead(Classifier):
    """A scikit-learn classifier by its dotted path, fitted on centred unit vectors.

    Logits are its decision function where that is linear or it has no probabilities, else the logarithms of its
    probabilities.

    Parameters
    ----------
    path : str
        ``"sklearn.ensemble.RandomForestClassifier"`` for one, in a package that is allowed: see `tl_core.importing`.
    parameters : mapping or None
        Keywords for it. Where it draws random numbers and no ``random_state`` is given, that is 0.
    pool_mean : ndarray, shape (d,), or None
        Centre of the embeddings; None = mean of what is fitted on.
    temperature : float or None
        Divides the logits, above 0; None = found by cross-validation in every fit of 50 labels or more, else 1.

    Attributes
    ----------
    classes_ : ndarray, shape (c,)
        Sorted class ids or keys.
    center_ : ndarray of float32, shape (d,)
    temperature_ : float
    estimator_ : classifier or None
        Fitted; None where there was one class alone, of which many cannot be fitted.
    linear_ : tuple of two ndarrays or None
        Its weights (c, d) and intercepts (c,), where its decision function is linear.
    """

    def __init__(
        self,
        path: str = "sklearn.linear_model.LogisticRegression",
        parameters: Mapping[str, Any] | None = None,
        pool_mean: NDArray[Any] | None = None,
        temperature: float | None = None,
    ) -> None:
        self.path = path
        self.parameters = parameters
        self.pool_mean = pool_mean
        self.temperature = temperature

    def checked(self) -> Self:
        """Return this object, if there is a classifier at the path that takes the parameters.

        Raises
        ------
        KeyError
            There is nothing at the path.
        TypeError
            It takes no such parameter.
        ValueError
            It is not a classifier.
        """
        self._unfitted()
        return self

    @property
    def takes_weights(self) -> bool:
        """Whether the classifier takes weights. Raises as `checked`."""
        return bool(has_fit_parameter(self._unfitted(), "sample_weight"))

    @available_if(_is_linear)  # type: ignore[untyped-decorator]
    def linear(self) -> LinearHead:
        """Return the head as plain numbers, temperature included; there only where the classifier is linear."""
        assert self.linear_ is not None  # noqa: S101 - else there is no such method
        coef, intercept = self.linear_
        scale = np.float32(1 / self.temperature_)
        return LinearHead(self.classes_, coef * scale, intercept * scale, self.center_)

    def logits(self, X: Any) -> Float32:
        """Return logits of embeddings; see `Classifier.logits`."""
        check_is_fitted(self, "classes_")
        if _is_linear(self):
            logits: Float32 = self.linear().logits(X)
            return logits
        return scored(X, self.center_, len(self.classes_), self._score) / np.float32(self.temperature_)

    def _fit_units(self, Z: Float32, classes: NDArray[Any], codes: NDArray[np.intp], weight: Float32) -> None:
        self.estimator_: Any = None
        self.linear_: tuple[Float32, Float32] | None
        if len(classes) == 1:
            self.linear_ = np.zeros((1, Z.shape[1]), np.float32), np.zeros(1, np.float32)
            return
        estimator = self._unfitted()
        if (weight == weight[0]).all():
            estimator.fit(Z, codes)
        elif has_fit_parameter(estimator, "sample_weight"):
            estimator.fit(Z, codes, sample_weight=weight)
        else:
            raise ValueError(f"{self.path} takes no sample weights: leave them out, or choose another classifier")
        self.estimator_, self.linear_ = estimator, _linear_part(estimator, Z, len(classes))

    def _unfitted(self) -> Any:
        parameters = dict(self.parameters or {})
        kind = importing.load(self.path)
        if not (inspect.isclass(kind) and callable(getattr(kind, "fit", None))):
            raise ValueError(f"{self.path} is not a classifier")
        estimator: Any = kind(**parameters)
        if not is_classifier(estimator):
            raise ValueError(f"{self.path} is not a classifier")
        if "random_state" in estimator.get_params(deep=False) and "random_state" not in parameters:
            estimator.set_params(random_state=0)
        return estimator

    def _score(self, Z: Float32) -> Float32:
        if hasattr(self.estimator_, "predict_proba"):
            P = np.asarray(self.estimator_.predict_proba(Z))
            logits: Float32 = np.log(np.maximum(P, _LEAST)).astype(np.float32)
            return logits
        return _decisions(self.estimator_, Z, len(self.classes_))


def _decisions(estimator: Any, Z: Float32, c: int) -> Float32:
    """Return the decision function with one column a class: for two classes each gets half the second's lead."""
    decisions = np.asarray(estimator.decision_function(Z), np.float32)
    if decisions.ndim == 1:
        decisions = np.stack([-decisions / 2, decisions / 2], axis=1)
    if decisions.shape != (len(Z), c):
        raise ValueError(
            f"{type(estimator).__name__} gives a decision function of shape {decisions.shape} for {c} classes: choose "
            "its one-against-the-rest form, or probabilities"
        )
    return decisions


def _linear_part(estimator: Any, Z: Float32, c: int) -> tuple[Float32, Float32] | None:
    """Return weights and intercepts that give the decision function, or None where none do.

    Having ``coef_`` proves nothing: that of an `SVC` has one row a pair of classes.
    """
    if not all(hasattr(estimator, name) for name in ("coef_", "intercept_", "decision_function")):
        return None
    coef: Float32 = np.atleast_2d(np.asarray(estimator.coef_, np.float32))
    intercept: Float32 = np.broadcast_to(np.asarray(estimator.intercept_, np.float32), len(coef))
    if c == 2 and len(coef) == 1:
        half = np.array([-0.5, 0.5], np.float32)
        coef, intercept = half[:, None] * coef, half * intercept
    if coef.shape != (c, Z.shape[1]):
        return None
    rows = Z[:: max(1, len(Z) // _CHECKED_ROWS)]
    agree = np.allclose(rows @ coef.T + intercept, _decisions(estimator, rows, c), rtol=1e-3, atol=1e-3)
    return (coef, np.array(intercept)) if agree else None
