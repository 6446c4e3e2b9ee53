"""What is judged, and what one measure of it says.

Grain: tested terms in; one measure out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Float = NDArray[np.float64]
Int = NDArray[np.int64]

NOT_SAID: Final = float("nan")


@dataclass(frozen=True)
class Told:
    """One measure; what is not defined for it is NaN."""

    value: float
    low: float = NOT_SAID
    high: float = NOT_SAID
    null_mean: float = NOT_SAID
    null_high: float = NOT_SAID
    p_value: float = NOT_SAID


UNKNOWN: Final = Told(NOT_SAID)


@dataclass(frozen=True)
class Judged:
    """Tested terms with their logits and accounts."""

    churned: Float
    p: Float
    logit: Float
    codes: Int
    n_accounts: int
    level: float

    @property
    def z(self) -> float:
        """Standard errors to either side of an interval at the level."""
        return float(stats.norm.ppf(0.5 + self.level / 2))
