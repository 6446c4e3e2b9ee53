"""The coming quarters: what of the ARR due is likely to be kept, and what that rests on.

Grain in: contracts due with their chances, ended terms.  Grain out: one row per coming quarter, and
one per past quarter that was told from as far.  ``methods.md`` 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cs_models.learn import revenue
from cs_models.report.evidence.horizons import (
    BASE_RATE,
    DECIDED,
    N_PAST_PATHS,
    NOTICE,
    PREDICTOR,
    Ahead,
    Float,
)


@dataclass(frozen=True)
class Outlook:
    """The coming quarters as the page tells them.

    Attributes
    ----------
    quarters : pandas.DataFrame
        One row a quarter, and the last for all (quarter missing, label "all"): what
        ``revenue.Forecast.quarters`` has, with sigma, sigma_low, sigma_high, n_shock_quarters
        (how far whole quarters went from what was said), days (read so far ahead), level, reason,
        n_predictor, arr_predictor, n_rate, arr_rate, n_notice, arr_notice, n_decided (contracts
        by what their chance comes from), n_accounts, n_judged, n_hit, n_hit_alone (past quarters
        told from as far; missing where none was), held_low, held_high (exact binomial 95 % of the
        share that held), n_ended (terms whose outcome is known), kept_p10, kept_p50, kept_p90
        (money), arr_shrinks (ARR that goes on average where contracts shrink).
    levels : pandas.DataFrame
        One row per (quarter, level .01 to .99): grr, nrr, loss, n_churn.
    whole_book : pandas.DataFrame
        ``revenue.Forecast.book``: the same against all of today's ARR.
    judged : pandas.DataFrame
        One row per (coming quarter, past quarter): label, days, and what
        ``revenue.QuarterBacktest.quarters`` has of the past quarter.
    notices : revenue.Notices
    told : tuple of revenue.Forecast
        The forecast of each quarter, and last that of all of them.
    """

    quarters: pd.DataFrame
    levels: pd.DataFrame
    whole_book: pd.DataFrame
    judged: pd.DataFrame
    notices: revenue.Notices
    told: tuple[revenue.Forecast, ...]

    @property
    def first(self) -> dict[str, Any]:
        """The running quarter's row."""
        return {str(name): value for name, value in self.quarters.iloc[0].items()}

    @property
    def learnt_at(self) -> float:
        """Days before renewal at which the running quarter's predictor learnt; missing without."""
        return float(self.first["days"]) if self.first["level"] else float("nan")

    def losses(self, groups: Sequence[pd.DataFrame]) -> list[Float]:
        """Add up the ARR that leaves, of some groups of contracts, on the paths of the forecast.

        Parameters
        ----------
        groups : sequence of pandas.DataFrame
            Each one row per (subscription_id, quarter) due; they may overlap.

        Returns
        -------
        list of ndarray of float, shape (n_paths,)
            One a group: of one quarter on that quarter's paths, so that all that is due in it has
            the quarter's own losses; of several on the paths of all quarters.
        """
        starts = self.quarters["quarter"].tolist()
        own: dict[int, list[int]] = {}
        for place, mine in enumerate(groups):
            asked = mine["quarter"].unique()
            of = starts.index(pd.Timestamp(asked[0])) if len(asked) == 1 else len(starts) - 1
            own.setdefault(of, []).append(place)
        found: dict[int, Float] = {}
        for of, places in own.items():
            keys = [
                list(zip(groups[at]["subscription_id"], groups[at]["quarter"], strict=True))
                for at in places
            ]
            found |= dict(zip(places, self.told[of].losses(keys).T, strict=True))
        return [found[place] for place in range(len(groups))]


def outlook(
    due: pd.DataFrame,
    refits: Float,
    ahead: Sequence[Ahead],
    history: pd.DataFrame,
    book: revenue.Book,
    *,
    grace_days: int,
    n_paths: int,
    rng: np.random.Generator,
    arr_today: float | None = None,
) -> Outlook:
    """Forecast every quarter with the shock that quarters told from as far have shown.

    Parameters
    ----------
    due, refits
        What ``horizons.chances`` returned.
    ahead : sequence of Ahead
        One a quarter.
    history : pandas.DataFrame
        ``renewals.history``.
    book : revenue.Book
    grace_days : int
    n_paths : int
    rng : numpy.random.Generator
    arr_today : float, optional
        What all customers of today pay (``paying.Paying.arr``); that of the book by default.

    Returns
    -------
    Outlook
        The row of all quarters is that of the widest shock among them.
    """
    processes = [revenue.learn(one.predictions, history) for one in ahead]
    sources = rng.spawn(2 * len(ahead))
    told = [
        revenue.forecast(
            due, process, rng=source, refits=refits, n_paths=n_paths,
            quarters=book.quarters["quarter"],
            book_arr=book.arr if arr_today is None else arr_today,
        )
        for process, source in zip(processes, sources, strict=False)
    ]  # fmt: skip
    widest = int(np.argmax([process.shock.sigma for process in processes]))
    pick = [*range(len(ahead)), widest]
    quarters = _rows(told, pick, "quarters").assign(
        sigma=[processes[at].shock.sigma for at in pick],
        sigma_low=[processes[at].shock.low for at in pick],
        sigma_high=[processes[at].shock.high for at in pick],
        n_shock_quarters=[processes[at].shock.n_quarters for at in pick],
        days=[*(float(one.days) for one in ahead), np.nan],
        level=[*(one.level for one in ahead), ""],
        reason=[*(one.reason for one in ahead), ""],
    )
    judged = [
        _judged(one, history, grace_days, source)
        for one, source in zip(ahead, sources[len(ahead) :], strict=True)
    ]
    past: pd.DataFrame = pd.concat([one for one in judged if len(one)] or judged[:1])
    past = past.reset_index(drop=True)
    quarters = _with_hits(_with_counts(quarters, due), past)
    money = {f"kept_{tenth}": quarters[f"grr_{tenth}"] * quarters["due_arr"]
             for tenth in ("p10", "p50", "p90")}  # fmt: skip
    levels = _levels(told, pick)
    return Outlook(
        quarters=quarters.assign(
            **money, arr_shrinks=_shrinks(quarters, levels), n_ended=len(history)
        ),
        levels=levels,
        whole_book=_rows(told, pick, "book"),
        judged=past,
        notices=processes[0].notices,
        told=tuple(told[of] for of in pick),
    )


def _rows(told: Sequence[revenue.Forecast], pick: Sequence[int], name: str) -> pd.DataFrame:
    """Take each quarter's row from its own forecast."""
    frames: list[pd.DataFrame] = [getattr(told[of], name) for of in pick]
    rows: pd.DataFrame = pd.concat([one.iloc[[at]] for at, one in enumerate(frames)])
    return rows.reset_index(drop=True)


def _levels(told: Sequence[revenue.Forecast], pick: Sequence[int]) -> pd.DataFrame:
    labels = told[0].quarters["label"].tolist()
    parts = [
        told[of].levels[told[of].levels["label"] == label]
        for label, of in zip(labels, pick, strict=True)
    ]
    levels: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return levels


def _shrinks(quarters: pd.DataFrame, levels: pd.DataFrame) -> Float:
    """Return the ARR that goes on average where contracts shrink: not kept, and yet not left."""
    mean = levels.groupby("label")[["grr", "loss"]].mean().reindex(quarters["label"])
    gone = quarters["due_arr"].to_numpy(dtype=np.float64) * (1.0 - mean["grr"].to_numpy())
    return np.asarray(np.fmax(gone - mean["loss"].to_numpy(), 0.0))


def _judged(
    one: Ahead, history: pd.DataFrame, grace_days: int, rng: np.random.Generator
) -> pd.DataFrame:
    if one.predictions is None:
        return pd.DataFrame(columns=["label", "days"])
    past = revenue.backtest(
        one.predictions, history, rng=rng, n_paths=N_PAST_PATHS, grace_days=grace_days
    )
    said = past.quarters.rename(columns={"label": "decided_in"})
    told: pd.DataFrame = said.assign(label=one.label, days=one.days)
    return told


def _with_counts(quarters: pd.DataFrame, due: pd.DataFrame) -> pd.DataFrame:
    """Add what the chances of each quarter's contracts come from."""
    found = []
    for label in quarters["label"]:
        mine = due if label == "all" else due[due["label"] == label]
        mine = mine.sort_values("quarter", kind="stable").drop_duplicates("subscription_id")
        row: dict[str, Any] = {"n_accounts": mine["account_id"].nunique()}
        for name, source in (
            ("predictor", PREDICTOR), ("rate", BASE_RATE), ("notice", NOTICE), ("decided", DECIDED),
        ):  # fmt: skip
            own = mine["p_from"] == source
            row |= {f"n_{name}": int(own.sum()), f"arr_{name}": float(mine.loc[own, "arr"].sum())}
        found.append(row)
    return pd.concat([quarters, pd.DataFrame(found)], axis=1)


def _with_hits(quarters: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """Count in how many past quarters the interval told from as far held."""
    found = []
    for label in quarters["label"]:
        mine = judged[judged["label"] == label]
        of_grr = revenue.coverage(mine).set_index("measure").loc["grr"]
        found.append({
            "n_judged": len(mine), "n_hit": int(of_grr["n_hit"]),
            "n_hit_alone": 0 if mine.empty else int(mine["independent_hit"].sum()),
            "held_low": float(of_grr["low"]), "held_high": float(of_grr["high"]),
        })  # fmt: skip
    return pd.concat([quarters, pd.DataFrame(found)], axis=1)


def saved_forecast(found: Outlook) -> pd.DataFrame:
    """Return the coming quarters as ``results.json`` keeps them: one row a quarter."""
    names = [
        "quarter", "label", "n_due", "due_arr", "grr_p10", "grr_p50", "grr_p90", "nrr_p10",
        "nrr_p50", "nrr_p90", "arr_at_risk", "loss_p10", "loss_p50", "loss_p90", "days", "level",
        "n_judged", "n_hit",
    ]  # fmt: skip
    return found.quarters.dropna(subset=["quarter"])[names]


def counts(found: Outlook, book: revenue.Book) -> dict[str, int]:
    """Return what was counted, for ``results.json``.

    Parameters
    ----------
    found : Outlook
    book : revenue.Book

    Returns
    -------
    dict
        n_contracts and n_due (running, and due in any quarter); n_due_now, n_notice_now (of the
        first quarter); n_quarters; n_quarters_by_predictor.
    """
    coming = found.quarters.dropna(subset=["quarter"])
    whole, first = found.quarters.iloc[-1], found.first
    return {
        "n_contracts": int(book.quarters["n_book"].iloc[-1]),
        "n_due": int(whole["n_due"]),
        "n_due_now": int(first["n_due"]),
        "n_notice_now": int(first["n_notice"]),
        "n_quarters": len(coming),
        "n_quarters_by_predictor": int((coming["level"] != "").sum()),
    }
