"""The retention explorer: how long customers stay, by a group of your choice.

Grain in: customers' lifetimes (``evidence.survival.History``) and the panel of judged terms.  Grain
out: display objects.  Curves are Kaplan–Meier steps with bands and numbers at risk, drawn by the
functions of the export.

How much a customer used the product early is known only of those who stayed until then.  So a tier
of use is read at the first decision date, and its customers count from that day on: before it
nobody of a tier could have left.  ``methods.md`` 1.1, 1.2 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd

from cs_models.errors import ParameterError
from cs_models.features import catalogue, tenure
from cs_models.learn import survival
from cs_models.report.display import Exhibit, Statement, Table
from cs_models.report.evidence import survival as evidence
from cs_models.report.evidence.predictors import records
from cs_models.report.evidence.survival import History, Untold
from cs_models.report.exhibits import survival as exhibits
from cs_models.report.findings.survival import contract
from cs_models.report.findings.words import chance
from cs_models.report.values import integer, interval, number, percent

Shown = Exhibit | Statement
Key = tuple[str, tuple[str, ...], int]
Curve = tuple[pd.DataFrame, survival.Curves | str]
FEW = "Fewer than ten customers were watched at any time: too few to draw a curve."

EVERYONE, LENGTH = "nothing: all customers together", "length of contract"
# In the order of the alphabet, in which curves are drawn.
TIERS: Final = ("lowest third", "middle third", "uppermost third")
MOST_GROUPS: Final = 6  # lines that can be told apart
LEAST_HORIZON: Final = 12
_OF_USE: Final = ("seat_utilisation", "active_days", "active_users", "distinct_features", "events")
ABOUT = (
    "Choose by what customers are parted, which of the groups are drawn, and how many months are "
    "looked at: the share still there, with its band, and below how many were watched. Those who "
    "are still customers count for as long as they have been watched. Tiers of use are thirds of "
    "the customers, read before their first renewal; they count from that day on."
)


@dataclass(frozen=True)
class Staying:
    """What a turn of the retention explorer reads, brought together once.

    Attributes
    ----------
    groupings : dict of str to DataFrame
        By words, the lifetimes that can be parted so: rows of ``History.lifetimes`` with the
        group of each, ``entry_months`` from when it is watched.
    last : int
        The longest horizon, in months.
    """

    groupings: dict[str, pd.DataFrame]
    last: int
    _known: dict[Key, Curve] = field(default_factory=dict)

    @classmethod
    def of(cls, past: History, judged: pd.DataFrame, *, by: str) -> Staying:
        """Part the customers in every way that can be chosen.

        Parameters
        ----------
        past : History
        judged : DataFrame, one row per (subscription_id, as_of_date)
            Panel before renewal; ``term_no`` 1 is a customer's first.
        by : str
            Words for ``History.lifetimes["group"]``.
        """
        lives = past.lifetimes
        months = survival.contract_months(lives["term_months"])
        found = {
            by: lives,
            EVERYONE: lives.assign(group="all customers"),
            LENGTH: lives.assign(group=[contract(float(month)) for month in months]),
        }
        first = _first_seen(lives, judged)
        for column in _columns(judged):
            parted = _tiers(first, column)
            measure = catalogue.parse(column)
            if parted is not None and measure is not None:
                found[f"tier of use: {measure.label()}"] = parted
        last = int(np.ceil(float(lives["months"].max()))) if len(lives) else LEAST_HORIZON
        made = cls(found, max(last, LEAST_HORIZON))
        for name in found:  # what another way to part them shows first
            made.curves(name, made.groups(name)[:MOST_GROUPS], made.last)
        return made

    def curves(self, by: str, chosen: Sequence[str], horizon_months: int) -> Curve:
        """Return the lifetimes of some groups up to a horizon, and their curves; kept once made.

        Returns
        -------
        tuple of (DataFrame, Curves or str)
            Words in place of the curves where there is too little to draw them.
        """
        key = (by, tuple(chosen), horizon_months)
        if key not in self._known:
            every = self.groupings[by]
            lives = _until(every[every["group"].isin(chosen)], horizon_months)
            told = evidence.told(lambda: evidence.curves(lives, grouped=True))
            few = isinstance(told, Untold) or bool(told.summary["last_time"].isna().all())
            self._known[key] = (lives, FEW if few or isinstance(told, Untold) else told)
        return self._known[key]

    def groups(self, by: str) -> list[str]:
        """Return the groups of a way to part them.

        Raises
        ------
        ParameterError
            When there is no such way.
        """
        if by not in self.groupings:
            raise ParameterError(
                "customers cannot be parted so", where="by", got=by,
                repair="; ".join(self.groupings),
            )  # fmt: skip
        return sorted(map(str, self.groupings[by]["group"].dropna().unique()))

    def at(self, by: str, groups: Sequence[str], horizon_months: int) -> list[Shown]:
        """Return what is shown of some groups up to a horizon."""
        known = self.groups(by)
        chosen = [name for name in known if name in set(groups)][:MOST_GROUPS]
        if not chosen:
            raise ParameterError("no group is chosen, so there is nothing to draw", where="groups")
        lives, curves = self.curves(by, chosen, horizon_months)
        if isinstance(curves, str):
            return [Statement.of("finding", curves)]
        figure = exhibits.over_months(
            curves, lives, id="retention", table="retention-table",
            title=f"Still customers, by {by}" if len(known) > 1 else "Still customers",
            alone=len(chosen) == 1 and len(known) == 1,
        )  # fmt: skip
        left_out = len(set(groups)) - len(chosen)
        more = [Statement.of(
            "note", f"Only {MOST_GROUPS} groups are drawn at a time: more lines cannot be told "
            "apart.")] if left_out > 0 else []  # fmt: skip
        said = _said(figure.table, lives, chosen, horizon_months)
        return [*said, *_apart(lives, chosen, len(known)), *more, figure]


def retention(
    past: History,
    judged: pd.DataFrame,
    *,
    by: str,
    groups: Sequence[str] | None = None,
    horizon_months: int | None = None,
    segment_by: str = "segment",
) -> list[Shown]:
    """Show the share of customers still there over the months, by groups.

    Parameters
    ----------
    past : History
        What ``evidence.survival.history`` returned.
    judged : DataFrame, one row per (subscription_id, as_of_date)
        Panel before renewal, for the tiers of use.
    by : str
        A way to part customers: `segment_by`, "length of contract", a tier of use … the refusal
        of any other names them.
    groups : sequence of str, optional
        Which groups; all of them when None, at most six.
    horizon_months : int, optional
        How far to look, at least 1; as far as was seen when None.
    segment_by : str, default "segment"
        Words for the groups that the history came with.

    Returns
    -------
    list of Exhibit or Statement

    Raises
    ------
    ParameterError
        When customers cannot be parted so, no group is chosen, or the horizon is below 1.
    """
    told = Staying.of(past, judged, by=segment_by)
    chosen = told.groups(by) if groups is None else list(groups)
    return told.at(by, chosen, told.last if horizon_months is None else horizon_months)


def retention_view(past: History, judged: pd.DataFrame, *, by: str = "segment") -> Any:
    """Return the retention explorer for JupyterLab.

    Parameters
    ----------
    past, judged
        As in :func:`retention`.
    by : str, default "segment"
        Words for the groups that the history came with.

    Returns
    -------
    ipywidgets.VBox
    """
    from cs_models.report.explore import knobs

    if past.lifetimes.empty:
        return knobs.nothing("retention", "No customer's time was recorded.")
    told = Staying.of(past, judged, by=by)
    parted = knobs.choice("Parted by", list(told.groupings), by)
    names = told.groups(by)
    groups = knobs.several("Groups", names, names[:MOST_GROUPS])
    horizon = knobs.count("Months", LEAST_HORIZON, told.last, told.last)

    def refit(name: str) -> None:
        if name == "by":
            own = told.groups(parted.value)
            groups.options = own
            groups.value = tuple(own[:MOST_GROUPS])

    def draw(by: str, groups: Sequence[str], horizon: int) -> Sequence[Shown]:
        return told.at(by, groups, horizon)

    turned = {"by": parted, "groups": groups, "horizon": horizon}
    return knobs.Explorer("retention", ABOUT, turned, draw, refit=refit)


def _columns(judged: pd.DataFrame) -> list[str]:
    """Return the early use by which tiers are made: of the whole account, its longest window."""
    found: dict[str, tuple[int, str]] = {}
    for column in catalogue.among(judged.columns, anchor="first", measures=_OF_USE):
        measure = catalogue.parse(column)
        if measure is not None and measure.feature is None and measure.days is not None:
            own = found.get(measure.measure, (0, ""))
            found[measure.measure] = max(own, (measure.days, column))
    return [found[name][1] for name in _OF_USE if name in found]


def _first_seen(lives: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """Return the lifetimes whose first term was judged, watched from that day on."""
    one = judged.copy(deep=False)
    one.attrs = {}
    one = one[one["term_no"] == 1].drop_duplicates(["account_id", "term_start"])
    starts = pd.to_datetime(one["term_start"]).astype("datetime64[s]")
    days = pd.to_datetime(one["as_of_date"]).astype("datetime64[s]") - starts
    own = one[["account_id", *_columns(judged)]].assign(
        start=starts, seen_months=days.dt.days / tenure.DAYS_A_MONTH
    )
    theirs = lives.assign(start=pd.to_datetime(lives["start"]).astype("datetime64[s]"))
    found = theirs.merge(own, on=["account_id", "start"], how="inner")
    entry = found[["entry_months", "seen_months"]].max(axis=1)
    found = found.assign(entry_months=entry)
    watched: pd.DataFrame = found[found["months"] > found["entry_months"]]
    return watched.reset_index(drop=True)


def _tiers(first: pd.DataFrame, column: str) -> pd.DataFrame | None:
    """Part customers into thirds by a measure; None where too few differ in it."""
    values = pd.to_numeric(first[column]).astype("float64")
    known = first[values.notna()]
    ends = np.quantile(values.dropna(), [1 / 3, 2 / 3]) if len(known) else np.zeros(2)
    place = np.searchsorted(ends, values[values.notna()], side="left")
    if len(np.unique(place)) < len(TIERS):
        return None
    return known.assign(group=np.array(TIERS, dtype=object)[place])


def _until(lives: pd.DataFrame, horizon_months: int) -> pd.DataFrame:
    """Return lifetimes as they were known at a horizon: later ends have not come yet."""
    if horizon_months < 1:
        raise ParameterError(
            "the horizon is too short", where="horizon_months", got=str(horizon_months),
            repair="at least 1 month",
        )  # fmt: skip
    seen = lives[lives["entry_months"] < horizon_months]
    inside = seen["months"] <= horizon_months
    return seen.assign(
        months=seen["months"].clip(upper=float(horizon_months)),
        lost=np.where(inside, seen["lost"], 0),
    )


def _said(
    shown: Table, lives: pd.DataFrame, chosen: Sequence[str], horizon_months: int
) -> list[Statement]:
    read = pd.DataFrame(shown.rows, columns=list(shown.columns))
    read = read if "group" in read else read.assign(group=chosen[0])
    known = read[read["survival"].notna()]
    # The last reading of which every group that has any can be told.
    month = float(known.groupby("group")["time"].max().min())
    read = known[known["time"] == month]
    parts = [
        f"{row['group']} {percent(row['survival'])} ({interval(row['low'], row['high'])})"
        for row in records(read)
    ]
    few = len(chosen) - len(parts)
    thin = f" Of {integer(few)} of the groups too few were watched to say." if few else ""
    return [Statement.of(
        "answer", f"After {number(month, 0)} months there were still: {'; '.join(parts)}. Watched: "
        f"{integer(len(lives))} customers, {integer(lives['lost'].sum())} of them lost, looking "
        f"{integer(horizon_months)} months ahead.{thin}",
    )]  # fmt: skip


def _apart(lives: pd.DataFrame, chosen: Sequence[str], n_known: int) -> list[Statement]:
    """Say how sure it is that the groups leave differently."""
    with_some = lives["group"].nunique()
    if len(chosen) < 2 or with_some < 2 or not lives["lost"].sum():
        return []
    p = survival.log_rank(
        lives["months"], lives["lost"], lives["group"], entry=lives["entry_months"]
    )["p"]
    if not np.isfinite(p):
        return []
    by_hand = " These groups were picked by hand: that is not allowed for." if (
        len(chosen) < n_known
    ) else " It makes no allowance for having tried several ways to part them."  # fmt: skip
    return [Statement.of(
        "note", f"How sure: did these groups leave alike, curves this far apart would show in "
        f"{chance(float(p))} of histories.{by_hand}",
    )]  # fmt: skip
