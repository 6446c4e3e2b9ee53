"""What had been predicted, and had come true or not, by a day: what calibration learns from.

Grain: sets of predictions in, level by level; those known on a day out.

Source: ``methods.md`` 3 (recalibration on past origins; the simplest level within one s.e.).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cs_models.learn.evaluation import metrics, recalibration
from cs_models.learn.predictors.encoding import Floats


@dataclass
class Seen:
    """What was predicted before its outcome was known, level by level."""

    churned: list[Floats] = field(default_factory=list)
    account: list[Any] = field(default_factory=list)
    due: list[Any] = field(default_factory=list)
    logit: dict[str, list[Floats]] = field(default_factory=dict)

    def add(self, rows: pd.DataFrame, due: Any, logits: dict[str, Floats]) -> None:
        """Take in one more set of predictions, and the days on which their outcome is known."""
        self.churned.append(rows["churned"].to_numpy(dtype="float64"))
        self.account.append(rows["account_id"].to_numpy())
        self.due.append(due)
        for level, logit in logits.items():
            self.logit.setdefault(level, []).append(logit)

    def pending(self, day: np.datetime64) -> Seen:
        """Return what was not known on a day and still can come true."""
        kept = Seen()
        for place, due in enumerate(self.due):
            later = due > day
            kept.churned.append(self.churned[place][later])
            kept.account.append(self.account[place][later])
            kept.due.append(due[later])
            for level, parts in self.logit.items():
                kept.logit.setdefault(level, []).append(parts[place][later])
        return kept

    def at(self, day: np.datetime64 | None) -> Known:
        """Return what was known on a day; everything without one."""
        known = np.ones(len(np.concatenate(self.due)), dtype=bool)
        if day is not None:
            # A quarter's warnings have not come true, or not, when the next quarter begins.
            known = np.concatenate(self.due) <= day
        return Known(
            np.concatenate(self.churned)[known],
            np.concatenate(self.account)[known],
            {level: np.concatenate(parts)[known] for level, parts in self.logit.items()},
        )


@dataclass(frozen=True)
class Known:
    """Predictions whose outcome is known."""

    churned: Floats
    account: Any
    logit: dict[str, Floats]

    def calibrators(self) -> dict[str, Any]:
        """Fit each level's recalibration."""
        return {
            level: recalibration.recalibrate(logit, self.churned)
            for level, logit in self.logit.items()
        }

    def believed(self, calibrators: dict[str, Any]) -> str:
        """Return the simplest level within one standard error of the best."""
        chances = {level: calibrators[level].apply(logit) for level, logit in self.logit.items()}
        return simplest(self.churned, self.account, chances)


def simplest(churned: Floats, account: Any, chances: dict[str, Floats]) -> str:
    """Return the simplest level whose log loss is within one standard error of the best.

    Parameters
    ----------
    churned : ndarray of float, shape (n_rows,)
    account : array-like, shape (n_rows,)
    chances : dict of str to ndarray of float
        Probabilities of leaving, by level, simplest first.

    Returns
    -------
    str
    """
    losses = {level: metrics.log_loss(churned, p) for level, p in chances.items()}
    best = min(losses, key=losses.__getitem__)
    for level, p in chances.items():
        if level == best:
            break
        ahead = metrics.gain(churned, chances[best], p, account=account)
        if ahead.value <= ahead.se:
            return level
    return best
