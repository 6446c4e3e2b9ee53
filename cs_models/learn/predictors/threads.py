"""One thread for small work: threads that wait for each other cost more than they bring.

On a few thousand terms a tree's split takes microseconds; on a machine that also does something
else, two threads were seen to take ten times as long as one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

import pandas as pd

MANY_ROWS: Final = 50_000

_P = ParamSpec("_P")
_R = TypeVar("_R")


def sparing(call: Callable[_P, _R]) -> Callable[_P, _R]:
    """Run a function with one numeric thread while the frames it is given are small.

    Parameters
    ----------
    call : callable
        Takes a panel among its arguments.

    Returns
    -------
    callable
        The same function; its numbers do not depend on the threads.
    """

    @wraps(call)
    def spared(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        # The limit reaches only libraries that are there already.
        import sklearn.ensemble
        import sklearn.linear_model  # noqa: F401
        from threadpoolctl import threadpool_limits

        rows = max((len(a) for a in args if isinstance(a, pd.DataFrame)), default=0)
        limit = threadpool_limits(1) if rows < MANY_ROWS else contextlib.nullcontext()
        with limit:
            return call(*args, **kwargs)

    return spared
