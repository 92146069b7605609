"""Plumbing that the lessons share: data, figures, checks, seeds. Never a lesson's model or loss."""

import os

# PyTorch's threads sleep while they wait, rather than spin: beside another busy process that is up to ten times as fast.
# OpenMP reads this once, so it must be set before torch is imported.
os.environ.setdefault("GOMP_SPINCOUNT", "0")
