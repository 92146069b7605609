"""Time of the course's metrics beside torchmetrics and torch-fidelity, on the same features, in one run.

    python tests/bench_metrics.py [--samples 2000] [--features 1280] [--threads 2] [--rounds 3]

The features are random numbers with a spectrum like that of pooled activations. Each number is the fastest of the rounds,
none of which begins after 20 s; "difference" is how far the values lie apart, relative to the other library's.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.kid import poly_mmd

from helpers import features, metrics


def feature_sets(samples: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of correlated features ≥ 0, (samples, width), float32; the second is shifted and wider."""
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((width, width)) / np.arange(1, width + 1)[:, None] ** 0.7
    base = rng.standard_normal((2, samples, width)) @ mix
    return tuple(
        np.maximum(x * w + m, 0).astype(np.float32) for x, w, m in zip(base, (1, 1.2), (0.2, 0.4), strict=True)
    )


def fastest(compute: Callable[[], float], rounds: int) -> tuple[float, float]:
    """Seconds of the fastest round, and the value."""
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        value = compute()
        seconds.append(time.perf_counter() - began)
        if sum(seconds) > 20:
            break
    return min(seconds), value


def torchmetrics_frechet(a: torch.Tensor, b: torch.Tensor) -> float:
    """As its metric does it: float64 moments, then the eigenvalues of their product."""
    moments = [(x.double().mean(dim=0), x.double().T.cov()) for x in (a, b)]
    return float(_compute_fid(*moments[0], *moments[1]))


def fidelity_frechet(a: torch.Tensor, b: torch.Tensor) -> float:
    """Moments and distance by torch-fidelity."""
    stats = [fid_features_to_statistics(x.double()) for x in (a, b)]
    return fid_statistics_to_metric(*stats, verbose=False)["frechet_inception_distance"]


def torchmetrics_kernel(a: torch.Tensor, b: torch.Tensor, size: int, subsets: int) -> float:
    """Mean over random subsets, as its metric does it."""
    draws = [(torch.randperm(len(a))[:size], torch.randperm(len(b))[:size]) for _ in range(subsets)]
    return float(np.mean([float(poly_mmd(a[i], b[j])) for i, j in draws]))


def fidelity_kernel(a: torch.Tensor, b: torch.Tensor, size: int, subsets: int) -> float:
    """Mean over random subsets by torch-fidelity."""
    values = kid_features_to_metric(a, b, kid_subsets=subsets, kid_subset_size=size, verbose=False)
    return values["kernel_inception_distance_mean"]


def fidelity_precision(real: torch.Tensor, fake: torch.Tensor) -> float:
    """Precision (its recall is computed too) by torch-fidelity."""
    settings = {"prc_neighborhood": 3, "prc_batch_size": 10_000, "save_cpu_ram": False, "verbose": False}
    return prc_features_to_metric(fake, real, **settings)["precision"]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--features", type=int, default=1280)
    parser.add_argument("--threads", type=int, default=0, help="of PyTorch; set OMP_NUM_THREADS for NumPy's")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    a, b = feature_sets(options.samples, options.features)
    x, y = torch.from_numpy(a), torch.from_numpy(b)
    size = min(1000, options.samples // 2)
    odds = np.exp(a[:, :10].astype(np.float64))
    logits = torch.from_numpy(np.log(odds))
    rows: list[tuple[str, Callable[[], float], str, Callable[[], float]]] = [
        ("Fréchet", lambda: metrics.frechet_distance(a, b), "torchmetrics", lambda: torchmetrics_frechet(x, y)),
        ("Fréchet", lambda: metrics.frechet_distance(a, b), "torch-fidelity", lambda: fidelity_frechet(x, y)),
        (
            f"kernel, 100 × {size}",
            lambda: metrics.kernel_distance(a, b, size).value,
            "torchmetrics",
            lambda: torchmetrics_kernel(x, y, size, 100),
        ),
        (
            f"kernel, 100 × {size}",
            lambda: metrics.kernel_distance(a, b, size).value,
            "torch-fidelity",
            lambda: fidelity_kernel(x, y, size, 100),
        ),
        (
            "kernel, all pairs",
            lambda: metrics.kernel_distance(a, b).value,
            "torchmetrics",
            lambda: torchmetrics_kernel(x.double(), y.double(), options.samples, 1),
        ),
        (
            "precision, recall",
            lambda: metrics.precision_recall(a, b).precision,
            "torch-fidelity",
            lambda: fidelity_precision(x, y),
        ),
        (
            "Inception score",
            lambda: metrics.inception_score(odds / odds.sum(axis=1, keepdims=True)).mean,
            "torch-fidelity",
            lambda: isc_features_to_metric(logits, shuffle=False)["inception_score_mean"],
        ),
        ("density, coverage", lambda: metrics.density_coverage(a, b).density, "", lambda: np.nan),
        ("different bins", lambda: metrics.different_bins(a, b).share, "", lambda: np.nan),
    ]
    print(f"{options.samples:,} samples a set, {options.features:,} features, {torch.get_num_threads()} threads")
    print(
        f"{'metric':<20} {'here [s]':>9} {'other [s]':>10}  {'the other':<15} {'times as fast':>13} {'difference':>11}"
    )
    for name, ours, other, theirs in rows:
        seconds, value = fastest(ours, options.rounds)
        line = f"{name:<20} {seconds:9.3f}"
        if other:
            their_seconds, their_value = fastest(theirs, options.rounds)
            ratio, difference = their_seconds / seconds, abs(value / their_value - 1)
            line += f" {their_seconds:10.3f}  {other:<15} {ratio:13.1f} {difference:11.1e}"
        print(line, flush=True)
    images = np.random.default_rng(0).integers(0, 256, (320, 32, 32, 3), dtype=np.uint8)
    features.efficientnet_features(images[:32])
    seconds, _ = fastest(lambda: len(features.efficientnet_features(images)), options.rounds)
    print(
        f"EfficientNet-Lite0 features of 32×32 images, side {features.EFFICIENTNET_SIDE}: {320 / seconds:.0f} images/s"
    )


if __name__ == "__main__":
    main()
