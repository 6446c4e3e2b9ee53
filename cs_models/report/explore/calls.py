"""The capacity explorer: so many calls a week, and what of past churn they would have reached.

Grain in: what notebook 03 found of past quarters and of today.  Grain out: display objects for
one number of calls and one play.  Each past quarter's list is made from what was known then; at
the number of calls of the run the figures are the page's.  ``methods.md`` 2.8 and 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.errors import ParameterError
from cs_models.learn.evaluation import bootstrap, decisions
from cs_models.learn.health import Play
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence import callers
from cs_models.report.evidence.callers import Calls
from cs_models.report.evidence.predictors import Learnt, Today, records
from cs_models.report.exhibits import foretold as exhibits
from cs_models.report.findings import foretold as findings
from cs_models.report.values import integer, interval, money, percent

Shown = Exhibit | Statement | Table
Float = NDArray[np.float64]

DRAWINGS: Final = 400  # of accounts, at a number of calls that the run did not ask for
CHANCE: Final = "chance"
QUARTER_WEEKS: Final = 13
ABOUT = (
    "Turn how many customers can be called in a week, by which order the list is made, and what a "
    "call costs, earns and is believed to keep: what the first so many of each past quarter's list "
    "would have reached of those who then left, beside the largest customers and calls by lot. "
    "Being on a list is not being saved: the share that a call keeps is an assumption."
)


@dataclass(frozen=True)
class Capacity:
    """What a turn of the capacity explorer reads, brought together once.

    Attributes
    ----------
    learnt : Learnt
    called : Calls
        What the run itself found, at its own number of calls.
    today : Today or None
    seen : DataFrame, one row per (origin, subscription_id)
        Predictions of past quarters with what became of them.
    rankings : dict of str to ndarray of float, shape (n_rows,)
        Scores by name, each growing with what comes first.
    times : ndarray of float, shape (n_accounts, n_drawings)
        How often each account is drawn.
    codes : ndarray of int, shape (n_rows,)
        Account of each row.
    currency : str
    seed : int
    """

    learnt: Learnt
    called: Calls
    today: Today | None
    seen: pd.DataFrame
    rankings: dict[str, Float]
    times: Float
    codes: NDArray[np.int64]
    currency: str
    seed: int
    _known: dict[int, pd.DataFrame] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        learnt: Learnt,
        called: Calls,
        today: Today | None,
        history: pd.DataFrame,
        *,
        currency: str,
        seed: int = 0,
    ) -> Capacity:
        """Bring together what a run found.

        Raises
        ------
        ParameterError
            When no past quarter was foretold.
        """
        if learnt.past is None:
            raise ParameterError(findings.TOO_LITTLE.rstrip("."), where="learnt")
        seen = callers.with_crm(learnt.past.predictions, history).reset_index(drop=True)
        rankings = {
            name: score.to_numpy(dtype=np.float64) for name, score in callers.scores(seen).items()
        }
        codes, n_accounts = bootstrap.accounts(seen["account_id"])
        rng = np.random.default_rng(seed)
        blocks = bootstrap.drawings(n_accounts, DRAWINGS, rng, n_rows=len(seen))
        times = np.concatenate(list(blocks), axis=1)
        return cls(learnt, called, today, seen, rankings, times, codes, currency, seed)

    @property
    def longest(self) -> int:
        """The most terms of a quarter: with so many calls everybody is reached."""
        return int(self.seen.groupby("origin").size().max())

    def table(self, k: int, play: Play, save_rate: float) -> pd.DataFrame:
        """Return what `k` calls a quarter reach, by each list and by lot.

        Parameters
        ----------
        k : int
            Calls in each quarter.
        play : Play
            What a call costs, and the margin on what a customer pays.
        save_rate : float
            Share of would-be leavers whom a call keeps, 0 to 1.

        Returns
        -------
        DataFrame, one row per list
            ``ranking``, ``list`` (words), ``n_called``, ``n_caught``, and of each of precision,
            recall and arr_caught the value and, but by lot, its interval (``_low``, ``_high``);
            ``net`` (money: margin kept less the calls), ``net_low``, ``net_high``.
        """
        at = self._at(k)
        found = {(row["ranking"], row["measure"]): row for row in records(at)}
        rows = []
        for name, score in self.rankings.items():
            mask = decisions.first(score, k, arr=self.seen["arr"], quarter=self.seen["origin"])
            row: dict[str, Any] = {"ranking": name, "list": findings.NAMES[name]}
            row |= {"n_called": int(mask.sum()), "n_caught": int(self.seen["churned"][mask].sum())}
            for measure in decisions.MEASURES:
                own = found[name, measure]
                row |= {measure: own["value"], f"{measure}_low": own["low"],
                        f"{measure}_high": own["high"]}  # fmt: skip
            rows.append(row | self._net(mask.astype(np.float64), play, save_rate))
        return pd.DataFrame([*rows, self._by_lot(k, play, save_rate)])

    def at(
        self, k: int, *, ranking: str = callers.LOSS, play: Play, save_rate: float
    ) -> list[Shown]:
        """Return what is shown of `k` calls a quarter, by one list and against the others."""
        if ranking not in self.rankings:
            raise ParameterError(
                "there is no such list", where="ranking", got=ranking,
                repair=", ".join(self.rankings),
            )  # fmt: skip
        frame = self.table(k, play, save_rate)
        found = replace(
            self.called, at_capacity=self._at(k), k=k, everyone=k >= self.longest,
            worth=self.called.worth.iloc[:0],
        )  # fmt: skip
        shown = [e for e in exhibits.calls(found, self.learnt, self.currency, knob=False)
                 if isinstance(e, Exhibit)]  # fmt: skip
        said = [_said(frame, ranking, k, self.currency, save_rate), *self._today(k, ranking)]
        return [*said, *shown, _table(frame, k, self.currency)]

    def _at(self, k: int) -> pd.DataFrame:
        """Return ``decisions.capacity`` at `k`; the run's own where it asked for as many."""
        if k == self.called.k:
            return self.called.at_capacity
        if k not in self._known:
            seen = self.seen
            plain = (decisions.MODEL, decisions.BY_ARR)
            others = {name: s for name, s in self.rankings.items() if name not in plain}
            self._known[k] = decisions.capacity(
                seen["churned"], seen["p_churn"], k, arr=seen["arr"], account=seen["account_id"],
                others=others, quarter=seen["origin"], n_boot=DRAWINGS,
                rng=np.random.default_rng(self.seed),
            )  # fmt: skip
        return self._known[k]

    def _earned(self, play: Play, save_rate: float) -> Float:
        """Return what a call to each past term would have earned, by who really left."""
        worth = np.nan_to_num(self.seen["arr"].to_numpy(dtype=np.float64)) * play.margin
        left = self.seen["churned"].to_numpy(dtype=np.float64)
        return np.asarray(left * save_rate * worth - float(play.cost), dtype=np.float64)

    def _net(self, weight: Float, play: Play, save_rate: float) -> dict[str, float]:
        earned = self._earned(play, save_rate) * weight
        by_account = bootstrap.sums(earned, self.codes, len(self.times))
        low, high = bootstrap.interval((by_account @ self.times).T)
        return {"net": float(earned.sum()), "net_low": float(low[0]), "net_high": float(high[0])}

    def _by_lot(self, k: int, play: Play, save_rate: float) -> dict[str, Any]:
        """Return what as many calls by lot reach on average."""
        sizes = self.seen.groupby("origin")["churned"].transform("size").to_numpy(dtype=np.float64)
        weight = np.minimum(k, sizes) / sizes
        left = self.seen["churned"].to_numpy(dtype=np.float64)
        money_lost = np.nan_to_num(self.seen["arr"].to_numpy(dtype=np.float64)) * left
        caught, n_called = float(weight @ left), float(weight.sum())
        return {
            "ranking": CHANCE, "list": "by lot, on average", "n_called": round(n_called),
            "n_caught": caught, "precision": caught / n_called,
            "recall": caught / left.sum() if left.any() else np.nan,
            "arr_caught": float(weight @ money_lost) / money_lost.sum()
            if money_lost.any() else np.nan,
            "net": float(weight @ self._earned(play, save_rate)),
        }  # fmt: skip

    def _today(self, k: int, ranking: str) -> list[Statement]:
        """Say who of today's customers would be called."""
        if self.today is None:
            return []
        risk = self.today.risk
        score = {"model": risk["p_churn"], "arr": risk["arr"]}.get(ranking, risk["expected_loss"])
        mask = decisions.first(score.to_numpy(dtype=np.float64), k, arr=risk["arr"])
        mine = risk[mask]
        by = "" if ranking in ("model", "arr", callers.LOSS) else " (by chance times ARR)"
        return [Statement.of(
            "finding", f"Of the {integer(len(risk))} contracts that come up now, the first "
            f"{integer(len(mine))} of that list{by} pay {money(mine['arr'].sum(), self.currency)} "
            f"a year; {mine['p_churn'].sum():.1f} of them are expected to leave.",
        )]  # fmt: skip


def capacity(
    learnt: Learnt,
    called: Calls,
    today: Today | None,
    history: pd.DataFrame,
    k: int,
    *,
    ranking: str = callers.LOSS,
    play: Play,
    save_rate: float,
    currency: str,
    seed: int = 0,
) -> list[Shown]:
    """Show what `k` calls a quarter would have reached, against the plain lists and by lot.

    Parameters
    ----------
    learnt : Learnt
        What ``evidence.predictors.learn`` returned.
    called : Calls
        What ``evidence.callers.calls`` returned.
    today : Today or None
    history : DataFrame
        Panel of past terms; holds the CRM's score where there is one.
    k : int
        Calls in a quarter, at least 1.
    ranking : {"loss", "model", "arr", "crm"}, default "loss"
        The list that is spoken of: chance times ARR, chance, ARR, the CRM's score.
    play : Play
        Cost of a call and margin.
    save_rate : float
        Share (0 to 1) of would-be leavers whom a call is believed to keep; never learnt here.
    currency : str
        ISO 4217 code.
    seed : int, default 0
        Draws accounts for the intervals where the run did not ask for as many calls.

    Returns
    -------
    list of Exhibit, Statement or Table

    Raises
    ------
    ParameterError
        When nothing was foretold, nobody can be called, or there is no such list.
    """
    told = Capacity.of(learnt, called, today, history, currency=currency, seed=seed)
    return told.at(k, ranking=ranking, play=play, save_rate=save_rate)


def capacity_view(
    learnt: Learnt,
    called: Calls | None,
    today: Today | None,
    history: pd.DataFrame,
    *,
    play: Play | None,
    currency: str,
    seed: int = 0,
) -> Any:
    """Return the capacity explorer for JupyterLab.

    Parameters
    ----------
    learnt, called, today, history, currency, seed
        As in :func:`capacity`.
    play : Play or None
        Where the knobs of cost, margin and save rate start.

    Returns
    -------
    ipywidgets.VBox
    """
    from cs_models.report.explore import knobs

    if called is None or learnt.past is None:
        return knobs.nothing("capacity", findings.TOO_LITTLE)
    told = Capacity.of(learnt, called, today, history, currency=currency, seed=seed)
    names = [(findings.NAMES[name], name) for name in (callers.LOSS, *told.rankings)]
    cost = 0.0 if play is None else float(play.cost)
    margin = 1.0 if play is None else play.margin
    low, high = (0.0, 0.5) if play is None else (play.save_rate_low, play.save_rate_high)
    turned = {
        "k": knobs.count("Calls in a quarter", 1, told.longest, min(called.k, told.longest)),
        "ranking": knobs.choice("List, the first by", dict(names).items()),
        "cost": knobs.amount(f"Cost of a call, {currency}", 0.0, max(4 * cost, 100.0), cost,
                             step=max(cost, 100.0) / 100, form=",.0f"),
        "margin": knobs.amount("Margin", 0.05, 1.0, margin, step=0.01, form=".0%"),
        "save_rate": knobs.amount("A call keeps", 0.0, 1.0, (low + high) / 2, step=0.01,
                                  form=".0%"),
    }  # fmt: skip

    def draw(k: int, ranking: str, cost: float, margin: float, save_rate: float) -> Sequence[Shown]:
        made = Play(
            cost=Decimal(str(round(cost, 2))), margin=margin, save_rate_low=0.0, save_rate_high=1.0
        )
        return told.at(k, ranking=ranking, play=made, save_rate=save_rate)

    return knobs.Explorer("capacity", ABOUT, turned, draw)


def _said(frame: pd.DataFrame, ranking: str, k: int, currency: str, save_rate: float) -> Statement:
    by = {row["ranking"]: row for row in records(frame)}
    own, lot = by[ranking], by[CHANCE]
    arr = f"the largest customers {percent(by['arr']['precision'])}, " if ranking != "arr" else ""
    week = k / QUARTER_WEEKS
    return Statement.of(
        "answer", f"{integer(k)} calls a quarter, about {week:.1f} a week, by {own['list']}: of "
        f"those called {percent(own['precision'])} then left "
        f"({interval(own['precision_low'], own['precision_high'])}; {arr}by lot "
        f"{percent(lot['precision'])}). They were {percent(own['recall'])} of all who left, with "
        f"{percent(own['arr_caught'])} of the ARR that left. Did a call keep {percent(save_rate)} "
        f"of them, the past quarters together would have come out at "
        f"{money(own['net'], currency)} "
        f"({interval(own['net_low'], own['net_high'], 'money', unit=currency)}) after the cost of "
        f"the calls; by lot at {money(lot['net'], currency)}.",
    )  # fmt: skip


def _table(frame: pd.DataFrame, k: int, currency: str) -> Table:
    ends = {"low": "from", "high": "to"}
    columns: dict[str, Column] = {
        "list": Column("List, the first by"),
        "n_called": Column("Calls", kind="integer"),
        "n_caught": Column("Of these left", kind="integer"),
    }
    heads = {"precision": "of those called, left", "recall": "of those who left, called",
             "arr_caught": "of the lost ARR, called"}  # fmt: skip
    for name, head in heads.items():
        columns[name] = Column(head, kind="percent", digits=0)
        columns |= {f"{name}_{end}": Column(w, kind="percent", digits=0) for end, w in ends.items()}
    columns["net"] = Column("Net of the play", kind="money", unit=currency)
    columns |= {f"net_{end}": Column(w, kind="money", unit=currency) for end, w in ends.items()}
    return Table.of(
        frame, id="capacity-table",
        title=f"{integer(k)} calls a quarter, list by list: who is reached, what is left of it",
        columns=columns,
        note="Intervals of 95 % with the customer as the unit. By lot: the mean of all ways to "
        "choose as many.",
    )  # fmt: skip
