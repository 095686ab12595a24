"""Honest numbers about a head. Cheap to import."""

from tl_core.evaluation.acceptance import SafeThreshold, safe_threshold
from tl_core.evaluation.betting import doubtful_sequence
from tl_core.evaluation.discovery import Coverage, Richness, chao1, coverage, rule_of_three
from tl_core.evaluation.forecast import Forecast, labels_to_target
from tl_core.evaluation.intervals import binomial_interval, confidence_sequence, finite_upper
from tl_core.evaluation.label_errors import LabelErrors, find_label_errors, find_set_errors
from tl_core.evaluation.metrics import (
    ClassScore,
    Proportion,
    aubc,
    balanced_accuracy,
    labels_to,
    macro_f1,
    per_class,
)
from tl_core.evaluation.recall import Recall, rare_class_recall
from tl_core.evaluation.savings import Savings, compare_with_random
from tl_core.evaluation.stopping import Criterion, StopAdvice, kappa, stop_advice
from tl_core.evaluation.weighted import weighted_share

__all__ = [
    "ClassScore",
    "Coverage",
    "Criterion",
    "Forecast",
    "LabelErrors",
    "Proportion",
    "Recall",
    "Richness",
    "SafeThreshold",
    "Savings",
    "StopAdvice",
    "aubc",
    "balanced_accuracy",
    "binomial_interval",
    "chao1",
    "compare_with_random",
    "confidence_sequence",
    "coverage",
    "doubtful_sequence",
    "find_label_errors",
    "find_set_errors",
    "finite_upper",
    "kappa",
    "labels_to",
    "labels_to_target",
    "macro_f1",
    "per_class",
    "rare_class_recall",
    "rule_of_three",
    "safe_threshold",
    "stop_advice",
    "weighted_share",
]
