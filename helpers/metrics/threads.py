"""How many processor threads linear algebra takes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


def one_blas_thread() -> AbstractContextManager:
    """Within it, NumPy's and SciPy's linear algebra uses one thread; afterwards as many as before.

    For matrix factorisations, which are thousands of small steps. After each, OpenBLAS's threads wait for one another,
    busily: where they don't get a core each at once, the 0.8 s of a factorisation with 1,280 features become 3 to 10 s.
    One thread costs nothing on two cores. Matrix products need no such care: they are few and large.
    """
    return _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries() -> Any:
    """The linear algebra libraries of the process, looked for once, after SciPy has loaded its own."""
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
