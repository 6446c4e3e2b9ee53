"""Tested terms in the order of their scores, so that all drawings are judged in one pass.

Grain in: one row per tested term, and how often each account is drawn.  Grain out: one row of
metrics per drawing.  Sums by account are matrix products; the ranking metrics need one running sum
of the drawn weights over the sorted scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cs_models.learn.evaluation import bootstrap

Float = NDArray[np.float64]
Int = NDArray[np.int64]

METRICS: Final = ("log_loss", "brier", "brier_skill", "auc", "average_precision", "base_rate")
_SMALLEST: Final = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Rows:
    """Tested terms in the order of their scores, with what is added up by account.

    ``left_at`` are the places of those who left; ``first`` where among them a new score starts;
    ``below`` and ``upto`` how many rows stand below, and not above, each of these scores.
    """

    weight: Float
    codes: Int
    n_accounts: int
    added: Float
    left_at: Int
    first: Int
    below: Int
    upto: Int
    n_churned: int

    @classmethod
    def of(
        cls,
        churned: Float,
        p: Float,
        base: Float | None,
        weight: Float,
        codes: Int,
        kept: NDArray[np.bool_],
    ) -> Rows:
        """Sort kept rows by score once, for all drawings.

        Parameters
        ----------
        churned, p, weight : ndarray of float, shape (n_rows,)
        base : ndarray of float, shape (n_rows,), or None
            Base probabilities of the skill.
        codes : ndarray of int, shape (n_rows,)
            Account of each row.
        kept : ndarray of bool, shape (n_rows,)

        Returns
        -------
        Rows
        """
        order = np.flatnonzero(kept)[np.argsort(p[kept], kind="stable")]
        y, score, w = churned[order], p[order], weight[order]
        names, mine = np.unique(codes[order], return_inverse=True)
        reference = np.full(len(order), np.nan) if base is None else (base[order] - y) ** 2
        each = np.column_stack([np.ones_like(y), y, losses(y, score), (score - y) ** 2, reference])
        left_at = np.flatnonzero(y > 0)
        scores, first = np.unique(score[left_at], return_index=True)
        return cls(
            weight=w,
            codes=mine.astype(np.int64),
            n_accounts=len(names),
            added=bootstrap.sums(each * w[:, None], mine, len(names)),
            left_at=left_at,
            first=first,
            below=np.searchsorted(score, scores, side="left"),
            upto=np.searchsorted(score, scores, side="right"),
            n_churned=len(left_at),
        )


def statistics(mine: Rows, times: Float) -> Float:
    """Return the metrics of each drawing.

    Parameters
    ----------
    mine : Rows
    times : ndarray of float, shape (n_accounts, block)
        How often each account counts.

    Returns
    -------
    ndarray of float, shape (block, n_metrics)
        In the order of ``METRICS``; NaN where a drawing does not define one.
    """
    total, left, loss, squares, reference = mine.added @ times
    area, precision = _ranking(mine, times)
    with np.errstate(invalid="ignore", divide="ignore"):
        skill = np.where(reference > 0, 1 - squares / reference, np.nan)
        parts = [loss / total, squares / total, skill, area, precision, left / total]
    return np.stack(parts, axis=1)


def _ranking(mine: Rows, times: Float) -> tuple[Float, Float]:
    """Return AUC and average precision of each drawing, by one running sum over the scores."""
    nothing = np.full(times.shape[1], np.nan)
    if not 0 < mine.n_churned < len(mine.codes):
        return nothing, nothing
    weight = times[mine.codes]
    weight *= mine.weight[:, None]
    running = np.zeros((len(weight) + 1, weight.shape[1]))
    np.cumsum(weight, axis=0, out=running[1:])
    left = weight[mine.left_at]
    if len(mine.first) < len(left):
        left = np.add.reduceat(left, mine.first, axis=0)
    left_to, below = np.cumsum(left, axis=0), running[mine.below]
    all_left, total = left_to[-1], running[-1]
    stayed_below = below - left_to + left
    stayed_beside = running[mine.upto] - below - left
    above, called = all_left - left_to + left, total - below
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(called > 0, above / called, 0.0)
        both = (all_left > 0) & (total - all_left > 1e-12 * total)
        pairs = (left * (stayed_below + stayed_beside / 2)).sum(axis=0)
        area = np.where(both, pairs / (all_left * (total - all_left)), np.nan)
        precision = np.where(both, (left * share).sum(axis=0) / all_left, np.nan)
    return area, precision


def losses(churned: Float, p: Float) -> Float:
    """Return each row's log loss.

    Parameters
    ----------
    churned, p : ndarray of float, shape (n_rows,)

    Returns
    -------
    ndarray of float, shape (n_rows,)
        In nats, with `p` held off 0 and 1 by the smallest float step.
    """
    held = np.clip(p, _SMALLEST, 1 - _SMALLEST)
    return np.asarray(-np.where(churned == 1, np.log(held), np.log1p(-held)))
