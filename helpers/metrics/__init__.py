"""Measures of generated samples and of latent codes, over feature arrays: NumPy and SciPy only, the same in both tracks."""

from helpers.metrics.bins import DifferentBins, different_bins, two_proportions
from helpers.metrics.failures import (
    BatchMixing,
    Duplicates,
    GradientFlow,
    LabelCheck,
    ModeCoverage,
    Oscillation,
    batch_mixing,
    check_labels,
    duplicates,
    gradient_flow,
    mode_coverage,
    oscillation,
)
from helpers.metrics.frechet import Extrapolation, frechet_distance, frechet_extrapolated, frechet_from_moments
from helpers.metrics.inception import inception_score
from helpers.metrics.kernel import KernelDistance, kernel_distance
from helpers.metrics.manifold import DensityCoverage, PrecisionRecall, density_coverage, precision_recall
from helpers.metrics.neighbours import knn_accuracy, nearest_neighbours, pairwise_squared_distances
from helpers.metrics.perceptual import feature_distance
from helpers.metrics.silhouettes import silhouette_overlap, silhouettes
from helpers.metrics.subspaces import principal_angles

__all__ = [
    "BatchMixing",
    "DensityCoverage",
    "DifferentBins",
    "Duplicates",
    "Extrapolation",
    "GradientFlow",
    "KernelDistance",
    "LabelCheck",
    "ModeCoverage",
    "Oscillation",
    "PrecisionRecall",
    "batch_mixing",
    "check_labels",
    "density_coverage",
    "different_bins",
    "duplicates",
    "feature_distance",
    "frechet_distance",
    "frechet_extrapolated",
    "frechet_from_moments",
    "gradient_flow",
    "inception_score",
    "kernel_distance",
    "knn_accuracy",
    "mode_coverage",
    "nearest_neighbours",
    "oscillation",
    "pairwise_squared_distances",
    "precision_recall",
    "principal_angles",
    "silhouette_overlap",
    "silhouettes",
    "two_proportions",
]
