"""The frames behind "does it differ by group" and "why do they leave".

Grain in: one row per account episode (``evidence.survival.History.lifetimes``).  Grain out: one
row per group, per pair of groups, or per cause and time.  ``methods.md`` 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from cs_models.learn import survival
from cs_models.report.evidence.survival import CAUSES, LEAST_GROUP, TAU, Untold, told

LEAST_LOST: Final = 5


@dataclass(frozen=True)
class Groups:
    """Groups of customers beside each other.

    Attributes
    ----------
    curves : Curves
        The share still there over the months, by group.
    means : DataFrame, one row per group
        ``group``, ``n``, ``n_events``, ``tau`` (months looked at), ``mean``, ``se``, ``low``,
        ``high`` (months kept of the first ``tau``).
    differences : DataFrame, one row per pair of groups
        ``group``, ``against``, ``difference``, ``se``, ``low``, ``high`` (months), ``p``.
    p : float
        Of the log-rank test that all groups leave alike.
    left_out : tuple of str
        Groups too small to be spoken of.
    """

    curves: survival.Curves
    means: pd.DataFrame
    differences: pd.DataFrame
    p: float
    left_out: tuple[str, ...]


def groups(lives: pd.DataFrame) -> Groups | Untold:
    """Compare groups by their curves and by the months kept of the first three years.

    Groups of fewer than 20 customers, or with fewer than 5 lost, are left out by name.

    Parameters
    ----------
    lives : DataFrame
        ``History.lifetimes``.
    """
    sizes = lives.groupby("group")["lost"].agg(["size", "sum"])
    fit = sizes.index[(sizes["size"] >= LEAST_GROUP) & (sizes["sum"] >= LEAST_LOST)]
    out = tuple(sorted(set(map(str, sizes.index)) - set(map(str, fit))))
    if len(fit) < 2:
        return Untold(
            f"two groups are needed with at least {LEAST_GROUP} customers, of whom at least "
            f"{LEAST_LOST} were lost; there {'is one' if len(fit) else 'is none'}"
        )
    own = lives[lives["group"].isin(fit)]
    given: dict[str, Any] = {"entry": own["entry_months"], "groups": own["group"]}
    time, lost = own["months"], own["lost"]

    def compare() -> Groups:
        tau = min(TAU, survival.common_tau(time, lost, **given))
        means, differences = survival.restricted_mean(time, lost, tau=tau, **given)
        test = survival.log_rank(time, lost, own["group"], entry=own["entry_months"])
        curves = survival.kaplan_meier(time, lost, **given)
        return Groups(curves, means, differences, float(test["p"]), out)

    return told(compare)


def causes(lives: pd.DataFrame) -> pd.DataFrame:
    """Return the share lost by each cause over the months (Aalen–Johansen).

    Parameters
    ----------
    lives : DataFrame
        ``History.lifetimes``.

    Returns
    -------
    DataFrame, one row per cause that was seen, and time
        ``cause``, ``time`` (months), ``at_risk``, ``events``, ``incidence``, ``low``, ``high``;
        without the times at which fewer than ten were watched.
    """
    seen = [cause for cause in CAUSES if (lives["left"] == cause).any()]
    if not seen:
        columns = ["cause", "time", "at_risk", "events", "incidence", "low", "high"]
        return pd.DataFrame(columns=columns)
    found = survival.cumulative_incidence(
        lives["months"], lives["left"], causes=seen, entry=lives["entry_months"]
    )
    return found[~found["suppressed"]].drop(columns=["group", "se", "suppressed"])


def causes_by(lives: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """Say of each cause how many it took, by three years or as far as was seen.

    Returns
    -------
    DataFrame, one row per cause
        ``cause``, ``n`` (customers, at any time), ``month`` (up to which the shares are),
        ``incidence``, ``low``, ``high``, ``alone`` (what one less the curve of this cause alone
        would say: it takes those lost to other causes for customers who will still go this way).
    """
    columns = ["cause", "n", "month", "incidence", "low", "high", "alone"]
    rows = []
    for cause, own in found.groupby("cause", sort=False):
        last = own[own["time"] <= TAU + 1].iloc[-1]
        month = min(TAU, float(own["time"].max()))
        naive = survival.kaplan_meier(
            lives["months"], lives["left"] == cause, entry=lives["entry_months"], least_at_risk=1
        )
        steps = naive.steps[naive.steps["time"] <= last["time"]]
        rows.append(
            (cause, int((lives["left"] == cause).sum()), month, last["incidence"], last["low"],
             last["high"], 1 - float(steps["survival"].iloc[-1]))
        )  # fmt: skip
    return pd.DataFrame(rows, columns=columns)
