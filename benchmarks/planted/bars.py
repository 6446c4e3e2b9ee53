"""What is asked of the search, and the bar each figure has to meet (``methods.md`` section 7).

How a figure is judged: with as many runs as the bar names (200 unless said), the figure itself
decides.  With fewer, it decides only where it is more than two standard errors away from the bar;
else the answer is "undecided".  A bar "plus 2 s.e." moves with the number of runs, as in
``methods.md``: 0.05 becomes 0.081 at 200 runs and 0.064 at 1,000; with fewer runs than named it can
be missed (a count that has less than 2.5 % chance if the level holds) but not yet met.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from scipy import stats

from cs_models.learn.selection import signals
from planted import estimates
from planted.books import REAL
from planted.estimates import Estimate

CHANCE = 0.025
FEWEST_RUNS, FEWEST_WORLDS = 10, 3  # below them a standard error says nothing
Status = Literal["met", "missed", "undecided", ""]


@dataclass(frozen=True)
class Bar:
    """Where a figure has to lie.

    Parameters
    ----------
    low, high : float
        Allowed range, both ends included.
    slack : bool
        Whether two Monte Carlo standard errors are added to ``high``.
    absolute : bool
        Whether the size of the figure counts, whatever its sign.
    least : int
        Runs with which the figure itself decides.
    sizes : tuple of int
        Sizes of books that the bar is about; all when empty.
    """

    low: float = -math.inf
    high: float = math.inf
    slack: bool = False
    absolute: bool = False
    least: int = 200
    sizes: tuple[int, ...] = ()

    def upper(self, n_runs: int) -> float:
        """Return the upper end with that many runs."""
        if not self.slack:
            return self.high
        return self.high + 2 * math.sqrt(self.high * (1 - self.high) / max(n_runs, 1))

    def judge(self, found: Estimate) -> Status:
        """Say whether a figure meets the bar."""
        if not found.n_runs:
            return ""
        value = abs(found.value) if self.absolute else found.value
        high = self.upper(found.n_runs)
        inside = self.low <= value <= high
        if found.n_runs >= self.least:
            return "met" if inside else "missed"
        if self.low == self.high:  # "always": one exception is enough
            return "undecided" if inside else "missed"
        if found.n_runs < FEWEST_RUNS or found.n_worlds < FEWEST_WORLDS:
            return "undecided"
        if self.slack:
            exceptions = round(value * found.n_runs)
            chance = stats.binom.sf(exceptions - 1, found.n_runs, self.high)
            return "missed" if chance < CHANCE else "undecided"
        margin = min(abs(value - self.low), abs(value - high))
        if not math.isfinite(found.se) or margin <= 2 * found.se:
            return "undecided"
        return "met" if inside else "missed"

    def words(self, unit: str, n_runs: int) -> str:
        """Return the bar as it is printed."""
        scale, digits = (100.0, 1) if unit == "points" else (1.0, 3 if self.slack else 2)

        def said(value: float) -> str:
            return f"{scale * value:.{digits}f}"

        if self.low == self.high:
            return "always" if self.low == 1 else said(self.low)
        if math.isinf(self.low):
            sign = "size ≤" if self.absolute else "≤"
            return f"{sign} {said(self.upper(n_runs))}"
        return (
            f"≥ {said(self.low)}"
            if math.isinf(self.high)
            else f"{said(self.low)}–{said(self.high)}"
        )


@dataclass(frozen=True)
class Figure:
    """One line of the table: what is measured in which scenarios.

    Parameters
    ----------
    scenarios : tuple of str
    what : str
        In words.
    column : str
        Of the records; ``per`` the column it is divided by, if any.
    unit : {"share", "points", "number"}
    bar : Bar or None
    summary : {"mean", "median"}
    whole : bool
        Whether it is asked once a world instead of once a book.
    """

    scenarios: tuple[str, ...]
    what: str
    column: str
    per: str | None = None
    unit: Literal["share", "points", "number"] = "share"
    bar: Bar | None = None
    summary: Literal["mean", "median"] = "mean"
    whole: bool = False

    def of(self, records: pd.DataFrame) -> Estimate:
        """Return the figure with its error."""
        if self.summary == "median":
            return estimates.median(records, self.column)
        return estimates.ratio(records, self.column, self.per)


_STEP = ("step", "drift")
_PLANTED = (*_STEP, "step-by-segment")
_FOUND = (*_PLANTED, "linear")
_NOTHING = ("null", "immortal")
_ALL = (*_NOTHING, "linear", *_PLANTED, "confounded")
_LEVEL = Bar(high=0.05, slack=True)

FIGURES = (
    Figure(_ALL, "churned terms in a book", "n_churned", unit="number"),
    Figure(_NOTHING, "announces anything", "announced", bar=_LEVEL),
    Figure(("linear",), "announces anything", "announced"),
    Figure(_STEP, "announces anything", "announced", bar=Bar(low=0.95, sizes=(1500,))),
    Figure(("step-by-segment", "confounded"), "announces anything", "announced"),
    Figure(_ALL, "the naive best split announces", "naive_announced"),
    Figure(_ALL, "size of the naive gap", "naive_abs_lift", unit="points"),
    Figure(_ALL, "naive gap overstates its own rule by", "naive_error", unit="points"),
    Figure(_FOUND, "naive best split names the right feature", "naive_right"),
    Figure(
        _STEP, "planted feature is the first signal", "planted_first",
        bar=Bar(low=0.90, sizes=(1500,)),
    ),
    Figure(("step-by-segment", "linear"), "planted feature is the first signal", "planted_first"),
    Figure(_FOUND, "a rule of several actions with it is the first signal", "combined_first"),
    Figure(
        _PLANTED, "a use without any effect announced as a signal", "decoy_use", bar=_LEVEL,
    ),
    Figure(("linear",), "a use without any effect announced as a signal", "decoy_use"),
    Figure(_FOUND, "a use with an effect of its own, not the planted one", "real_use"),
    Figure(_FOUND, "a sum over all uses (events, days, users) as a signal", "sum_of_uses"),
    Figure(_FOUND, "any of these three", "other_signal"),
    Figure(_FOUND, "a rule of several actions with the planted one as a signal", "combined_signal"),
    Figure(_FOUND, "echoes in a book", "n_echoes", unit="number"),
    Figure(("linear",), "verdict sharp", "verdict_sharp", bar=Bar(high=0.05)),
    Figure(("linear",), "verdict sharp or tentative", "supported", bar=Bar(high=0.10)),
    Figure(("linear",), "any signal row sharp", "any_sharp"),
    Figure(_PLANTED, "verdict sharp", "verdict_sharp"),
    Figure(_FOUND, "verdict tentative", "verdict_tentative"),
    Figure(_FOUND, "verdict gradual", "verdict_gradual"),
    Figure(_FOUND, "verdict associated (shape undecided)", "verdict_associated"),
    Figure(_FOUND, "nothing announced", "verdict_none"),
    Figure(
        _PLANTED, "interval of the cut holds the planted cut", "cut_covered",
        bar=Bar(low=0.93, high=0.99),
    ),
    Figure(_PLANTED, "cut said to be localised", "cut_localised"),
    Figure(
        _PLANTED, "median error of the cut, in rank", "cut_rank_error", summary="median",
        bar=Bar(high=0.05),
    ),
    Figure(
        _FOUND, "interval of the gap holds the gap in the whole world", "lift_covered",
        bar=Bar(low=0.95),
    ),
    Figure(_FOUND, "gap at the chosen rule overstates by", "apparent_error", unit="points"),
    Figure(
        _FOUND, "cross-fitted gap overstates by", "crossfit_error", unit="points",
        bar=Bar(high=0.01, absolute=True),
    ),
    Figure(_FOUND, "bootstrap-corrected gap overstates by", "bootstrap_error", unit="points"),
    Figure(
        ("step-by-segment",), "pooled interval of a segment's cut holds it", "pooled_covered",
        per="pooled_levels", bar=Bar(low=0.90),
    ),
    Figure(
        ("step-by-segment",), "the same where the segment was searched apart", "apart_covered",
        per="apart_levels", bar=Bar(low=0.90),
    ),
    Figure(
        ("step-by-segment",), "mean squared error of log cut, pooled", "pooled_log_error",
        per="pooled_levels", unit="number",
    ),
    Figure(
        ("step-by-segment",), "mean squared error of log cut, searched apart", "apart_log_error",
        per="apart_levels", unit="number",
    ),
    Figure(
        ("confounded",), "naive gap of the best split, other customers (10 points or more in its "
        "own book)", "unweighted_elsewhere", unit="points",
    ),
    Figure(
        ("confounded",), "the same with overlap weights (the truth is 0)", "contrast_elsewhere",
        unit="points", bar=Bar(high=0.01, absolute=True),
    ),
    Figure(
        ("confounded",), "with overlap weights in the book the split was chosen in",
        "contrast_here", unit="points",
    ),
    Figure(
        ("immortal",), "gap at a fixed level, landmark", "landmark_lift", unit="points", whole=True,
        bar=Bar(high=0.005, absolute=True, least=40),
    ),
    Figure(
        ("immortal",), "gap at the same level 'ever reached': the wrong analysis",
        "ever_reached_lift", unit="points", whole=True, bar=Bar(low=0.10, least=20),
    ),
    Figure(
        ("leak",), "the run stops and names the field", "aborted_naming", whole=True,
        bar=Bar(low=1.0, high=1.0, least=20),
    ),
    Figure(_ALL, "seconds of one core for a search", "cpu_seconds", unit="number"),
)  # fmt: skip


def table(records: pd.DataFrame, figures: Sequence[Figure] = FIGURES) -> pd.DataFrame:
    """Return the table of bars, one row per (scenario, size of books, figure).

    Parameters
    ----------
    records : DataFrame, one row per book or world
        ``scenario``, ``terms`` (0 for a whole world), ``permutations``, ``world`` and figures.
    figures : sequence of Figure
        What is asked.
    """
    records = _told_apart(records)
    rows = []
    order = {name: place for place, name in enumerate((*_ALL, "leak"))}
    keys = sorted(
        set(records[["scenario", "terms", "permutations"]].itertuples(index=False, name=None)),
        key=lambda key: (order.get(key[0], 99), key[1:]),
    )
    for scenario, terms, permutations in keys:
        mine = records[
            (records["scenario"] == scenario)
            & (records["terms"] == terms)
            & (records["permutations"] == permutations)
        ]
        for figure in figures:
            if scenario in figure.scenarios and figure.whole == (terms == 0):
                row = _row(figure, mine, terms)
                if row is not None:
                    books = f"{terms} terms, {permutations} shuffles" if terms else _unit(mine)
                    rows.append({"scenario": scenario, "books": books} | row)
    return pd.DataFrame(rows)


def _unit(records: pd.DataFrame) -> str:
    """Return what a record stands for where no books were dealt."""
    named = records["unit"].dropna() if "unit" in records else []
    return str(named.iloc[0]) if len(named) else "whole worlds"


def _told_apart(records: pd.DataFrame) -> pd.DataFrame:
    """Say which kind of other feature was announced.

    A sum over all uses holds the planted one: it is no invention, and where the planted use alone
    is too weak to be found it is what there is to be found.
    """
    if "other_names" not in records:
        return records
    known = records["other_signal"].notna()
    names = records["other_names"].where(known).map(lambda one: set(one), na_action="ignore")
    kinds = {"real_use": REAL, "sum_of_uses": signals.GATHERING}
    kinds["decoy_use"] = set(names.dropna().explode().dropna()) - REAL - signals.GATHERING
    told = {
        kind: names.map(lambda one, of=members: float(bool(one & of)), na_action="ignore")
        for kind, members in kinds.items()
    }
    return records.assign(**{kind: column.astype(float) for kind, column in told.items()})


def _row(figure: Figure, records: pd.DataFrame, terms: int) -> dict[str, object] | None:
    found = figure.of(records)
    if not found.n_runs:
        return None
    bar = figure.bar
    if bar is not None and bar.sizes and terms not in bar.sizes:
        bar = None
    return {
        "what": figure.what,
        "bar": "" if bar is None else bar.words(figure.unit, found.n_runs),
        "figure": _said(found, figure.unit),
        "R": f"{found.n_runs} ({found.n_worlds})",
        "status": "" if bar is None else bar.judge(found),
    }


def _said(found: Estimate, unit: str) -> str:
    scale, digits = (100.0, 1) if unit == "points" else (1.0, 3)
    if unit == "number" and abs(found.value) >= 10:
        digits = 0
    error = "" if math.isnan(found.se) else f" ± {scale * found.se:.{digits}f}"
    return f"{scale * found.value:.{digits}f}{error}" + (" points" if unit == "points" else "")


def others(records: pd.DataFrame) -> dict[str, int]:
    """Count how often each other feature was announced as a signal."""
    if "other_names" not in records:
        return {}
    named = records["other_names"].dropna().explode().dropna()
    return {str(name): int(n) for name, n in named.value_counts().items()}


def markdown(rows: pd.DataFrame) -> str:
    """Return the table for a document, one heading per scenario and size of books."""
    lines = []
    for (scenario, books), part in rows.groupby(["scenario", "books"], sort=False):
        lines += [f"### {scenario}, {books}", "", "| what | bar | figure | R (worlds) | |"]
        lines += ["|---|---|---|---|---|"]
        lines += [
            f"| {row.what} | {row.bar} | {row.figure} | {row.R} | {row.status} |"
            for row in part.itertuples()
        ]
        lines += [""]
    return "\n".join(lines)
