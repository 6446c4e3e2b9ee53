"""Leak guards: no column of a panel may know more than could be known on its decision date.

They run in every report, not only in tests, on the very panel the report is about.  A failed
guard stops the report; a guard that had nothing to look at never counts as passed.

==================  =====================================================================
guard               what it does
==================  =====================================================================
nothing_emptied     the panel has every term of the cohort, and usage in it
truncation          sampled rows made again from tables cut at their decision dates are
                    bit-identical: events, tickets, milestones and all the others
future_shuffle      sampled rows made again after everything later was permuted and altered
                    are bit-identical
too_good            no single column tells the outcome with an AUC above 0.95, out of time
telling_gaps        no column's being missing tells it with an AUC above 0.8 (a warning)
==================  =====================================================================

Source: ``methods.md`` 1.1 (leakage tests a to d); ``reliability.md`` H2, H3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from cs_models import kept, progress
from cs_models.errors import DataError
from cs_models.features import assembly, catalogue, cuts, panel
from cs_models.features.cohort import Cohort

TOO_GOOD_AUC: Final = 0.95
TELLING_GAPS_AUC: Final = 0.8
MIN_CLASS: Final = 20
SAMPLE: Final = 100

Rebuild = Callable[[Mapping[str, ir.Table], Cohort], pd.DataFrame]

_ATTRIBUTES: Final = (
    "segment",
    "region",
    "industry",
    "plan",
    "acquisition_channel",
    "csm_id",
    "previous_outcome",
    "won_back",
    "seats",
    "arr",
    "term_no",
    "term_months",
)


class _Result(NamedTuple):
    """One line of the guards' table."""

    guard: str
    status: str
    detail: str
    n: int


def check(
    tables: Mapping[str, ir.Table],
    cohort: Cohort,
    frame: pd.DataFrame,
    *,
    rebuild: Rebuild | None = None,
    outcome: str = "churned",
    sample: int = SAMPLE,
    random_state: int = 0,
) -> pd.DataFrame:
    """Run every leak guard on a panel.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables the panel was made from.
    cohort : Cohort
        The panel's cohort.
    frame : pandas.DataFrame
        The panel, one row per (subscription_id, as_of_date).
    rebuild : callable, optional
        How the panel is made from (tables, cohort); the recipe in ``frame.attrs`` when not
        given.
    outcome : str, default "churned"
        Column with 1 for leaving, 0 for staying, missing when neither.
    sample : int, default 100
        Terms, at most one an account, whose rows are made again.
    random_state : int, default 0
        Seed of that choice.

    Returns
    -------
    pandas.DataFrame
        One row a guard: guard, status (``passed`` or ``warned``), detail in words, n (rows
        looked at).

    Raises
    ------
    DataError
        If a guard failed, naming the column.

    Notes
    -----
    Source: ``methods.md`` 1.1; ``reliability.md`` H2, H3.
    """
    asked = ["guards.check", outcome, sample, random_state]
    content = kept.content(frame) if rebuild is None else ""
    named = panel.identity(tables, cohort, content, *asked) if content else ""
    again = rebuild or _remake(frame)
    return kept.frame(
        named, lambda: _checked(tables, cohort, frame, again, outcome, sample, random_state)
    )


def _checked(
    tables: Mapping[str, ir.Table],
    cohort: Cohort,
    frame: pd.DataFrame,
    again: Rebuild,
    outcome: str,
    sample: int,
    random_state: int,
) -> pd.DataFrame:
    """Run every guard; see :func:`check`."""
    results = [_nothing_emptied(tables, cohort, frame)]
    if frame.empty:
        return pd.DataFrame(results, columns=list(_Result._fields))
    # pandas copies `attrs` with every column that is looked at, and the recipe is long.
    frame = frame.copy(deep=False)
    frame.attrs = {}
    chosen = _choose(frame, sample, random_state)
    few = _restrict(cohort, chosen)
    limits = cuts.limits(chosen)
    sampled = cuts.sampled(tables, limits)
    seen = cuts.counts(sampled, limits)
    worlds = (
        ("truncation", cuts.truncated(sampled, limits)),
        ("future_shuffle", cuts.future_altered(sampled, limits)),
    )
    for guard, world in progress.through(worlds, "panels made again by the guards"):
        results.append(_same(guard, chosen, again(world, few), cohort, seen))
    results.append(_too_good(frame, outcome))
    results.append(_telling_gaps(frame, outcome))
    return pd.DataFrame(results, columns=list(_Result._fields))


def _remake(frame: pd.DataFrame) -> Rebuild:
    """Return the way the panel itself was made."""
    recipe = panel.recipe_of(frame)

    def remade(tables: Mapping[str, ir.Table], cohort: Cohort) -> pd.DataFrame:
        made = panel.make(tables, cohort, recipe)
        made.attrs = {}
        return made

    return remade


def _nothing_emptied(
    tables: Mapping[str, ir.Table], cohort: Cohort, frame: pd.DataFrame
) -> _Result:
    """Fail when rows, or all usage in them, got lost on the way."""
    expected = int(cohort.terms.count().execute())
    if len(frame) != expected:
        raise DataError(
            "the panel does not hold every term of its cohort",
            where="subscription_id",
            got=f"{len(frame)} rows for {expected} terms",
            repair="see cohort.exclusions for why terms were left out",
        )
    if not expected:  # none has come to its day yet: too little to learn from, but no fault
        return _Result("nothing_emptied", "warned", "no term has come to be judged yet", 0)
    columns = [name for name in frame.columns if catalogue.parse(name)]
    used = [name for name in columns if name.startswith("events__")] or columns
    if not used or not (frame[used].fillna(0).to_numpy(dtype="float64") != 0).any():
        rows = int(tables["events"].count().execute())
        raise DataError(
            "no use of the product falls in any window of any term",
            where="events",
            got=f"{rows} events, {len(used)} columns of events, all zero or missing",
            repair="are account_id and event_ts of events those of subscriptions?",
        )
    return _Result("nothing_emptied", "passed", "every term of the cohort has its row", expected)


def _choose(frame: pd.DataFrame, sample: int, random_state: int) -> pd.DataFrame:
    """Draw at most one term an account."""
    order = np.random.default_rng(random_state).permutation(len(frame))
    return frame.iloc[order].drop_duplicates("account_id").head(sample).sort_values(assembly.ORDER)


def _restrict(cohort: Cohort, chosen: pd.DataFrame) -> Cohort:
    """Return the cohort of the chosen terms alone, as rows: making them again proves nothing."""
    schema = cohort.terms.schema()
    rows = pa.Table.from_pandas(
        chosen[list(schema)], schema=schema.to_pyarrow(), preserve_index=False
    )
    terms = ibis.memtable(rows)
    return replace(cohort, terms=terms, points=terms.select(*cohort.points.columns))


def _same(
    guard: str, was: pd.DataFrame, now: pd.DataFrame, cohort: Cohort, seen: cuts.Counts
) -> _Result:
    """Fail when a column that is not the cohort's own differs in any bit."""
    was = was.sort_values(assembly.ORDER, ignore_index=True)
    now = now.sort_values(assembly.ORDER, ignore_index=True)
    own = set(cohort.terms.columns)
    columns = [name for name in was.columns if name not in own]
    if list(was["subscription_id"]) != list(now["subscription_id"]):
        raise DataError(
            f"the {guard} guard could not make the sampled rows again",
            where="subscription_id",
            got=f"{len(now)} of {len(was)} rows",
        )
    for name in columns:
        if name in now.columns and was[name].equals(now[name]):
            continue
        raise DataError(
            "a column knows more than could be known on its decision date",
            where=name,
            got=_difference(guard, name, was, now),
            repair="make it from rows that happened before D and were known by D only",
        )
    if seen.after == 0 or seen.before == 0:
        detail = f"nothing to test: {seen.before} events before and {seen.after} after"
        return _Result(guard, "warned", f"{detail} the sampled decision dates", len(was))
    detail = f"{len(columns)} columns bit-identical, with {seen.after} later events"
    verb = "cut off" if guard == "truncation" else "altered"
    return _Result(guard, "passed", f"{detail} {verb}", len(was))


def _difference(guard: str, name: str, was: pd.DataFrame, now: pd.DataFrame) -> str:
    """Say where two versions of a column part."""
    if name not in now.columns:
        return f"{guard}: the column is not there when made again"
    same = (was[name] == now[name]).fillna(False) | (was[name].isna() & now[name].isna())
    rows = np.flatnonzero(~same.to_numpy(dtype=bool))
    if not len(rows):
        return f"{guard}: type {was[name].dtype}, made again {now[name].dtype}"
    row = was.iloc[rows[0]]
    return (
        f"{guard}: {len(rows)} of {len(was)} sampled terms differ; {row['subscription_id']} "
        f"at {row['as_of_date']:%Y-%m-%d}: {row[name]}, made again {now[name].iloc[rows[0]]}"
    )


def _judged(frame: pd.DataFrame, outcome: str) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Return (earlier, later) rows by decision date, both with enough of either outcome.

    With too few for two halves the later one is everything and the earlier one is empty;
    None with too few even then.
    """
    rows = frame[frame[outcome].notna()].sort_values("as_of_date", kind="stable")
    middle = rows["as_of_date"].iloc[len(rows) // 2] if len(rows) else None
    earlier, later = rows[rows["as_of_date"] < middle], rows[rows["as_of_date"] >= middle]
    if _enough(earlier[outcome]) and _enough(later[outcome]):
        return earlier, later
    return (rows.iloc[:0], rows) if _enough(rows[outcome]) else None


def _enough(outcomes: pd.Series) -> bool:
    """Return whether both outcomes are there often enough to judge a column by."""
    n_left = int(outcomes.sum())
    return min(n_left, len(outcomes) - n_left) >= MIN_CLASS


def _too_good(frame: pd.DataFrame, outcome: str) -> _Result:
    """Fail when one column alone all but tells the outcome."""
    halves = _judged(frame, outcome)
    if halves is None:
        return _too_few("too_good", frame, outcome)
    earlier, later = halves
    numbers = _numbers(earlier, later, outcome)
    areas = auc(numbers, later[outcome])
    best = areas.idxmax() if areas.notna().any() else ""
    if best and areas[best] > TOO_GOOD_AUC:
        raise DataError(
            "a single column all but tells the outcome: it was probably written afterwards",
            where=str(best),
            got=f"AUC {areas[best]:.3f} on {len(later)} later terms, above {TOO_GOOD_AUC}",
            repair="leave it out of the source's mapping, or give the date it became known",
        )
    detail = f"the best of {int(areas.notna().sum())} columns is {best}, AUC {areas.max():.2f}"
    return _Result("too_good", "passed", detail, len(later))


def _numbers(earlier: pd.DataFrame, later: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Return the later rows' columns as numbers.

    An attribute in words becomes the share that left among the earlier terms with the same
    word, so that it is judged out of time; without earlier terms it is not judged.
    """
    overall = float(earlier[outcome].mean()) if len(earlier) else np.nan
    columns = {}
    for name in later.columns:
        if catalogue.parse(name) is None and name not in _ATTRIBUTES:
            continue
        values = later[name]
        if name in _ATTRIBUTES and not pd.api.types.is_numeric_dtype(values) and name != "arr":
            rates = earlier[outcome].astype("float64").groupby(earlier[name].astype("str")).mean()
            values = values.astype("str").map(rates).fillna(overall)
        columns[name] = values.astype("float64")
    return pd.DataFrame(columns, index=later.index)


def _telling_gaps(frame: pd.DataFrame, outcome: str) -> _Result:
    """Warn when a column's being missing tells the outcome."""
    halves = _judged(frame, outcome)
    if halves is None:
        return _too_few("telling_gaps", frame, outcome)
    later = halves[1]
    names = [n for n in later.columns if catalogue.parse(n) or n in _ATTRIBUTES]
    areas = auc(later[names].isna().astype("float64"), later[outcome])
    telling = areas[areas > TELLING_GAPS_AUC].sort_values(ascending=False)
    if len(telling):
        shown = ", ".join(f"{name} (AUC {area:.2f})" for name, area in telling.head(5).items())
        detail = f"being missing tells the outcome for {len(telling)} columns: {shown}"
        return _Result("telling_gaps", "warned", detail, len(later))
    detail = f"no column's being missing tells the outcome (highest AUC {areas.max():.2f})"
    return _Result("telling_gaps", "passed", detail, len(later))


def _too_few(guard: str, frame: pd.DataFrame, outcome: str) -> _Result:
    """Say that there was too little to judge by, which is not a pass."""
    known = frame[outcome].dropna()
    detail = f"not judged: {int(known.sum())} left of {len(known)}, fewer than {MIN_CLASS} a side"
    return _Result(guard, "warned", detail, len(known))


def auc(columns: pd.DataFrame, outcome: pd.Series) -> pd.Series:
    """Return how well each column alone orders the outcome, in whichever direction is better.

    Parameters
    ----------
    columns : pandas.DataFrame
        One column a score, shape (n_rows, n_scores), missing where not known.
    outcome : pandas.Series
        1 or 0 for each row.

    Returns
    -------
    pandas.Series
        max(AUC, 1 - AUC) for each column over its rows that are not missing, ties counted
        half; missing with fewer than 20 rows of either outcome.
    """
    left = outcome.to_numpy(dtype="float64")[:, None]
    values = columns.to_numpy(dtype="float64")
    known = ~np.isnan(values)
    ranks = columns.rank(axis=0).fillna(0).to_numpy(dtype="float64")
    n_left = (left * known).sum(axis=0)
    n_stayed = ((1 - left) * known).sum(axis=0)
    pairs = np.where((n_left >= MIN_CLASS) & (n_stayed >= MIN_CLASS), n_left * n_stayed, np.nan)
    area = ((ranks * left).sum(axis=0) - n_left * (n_left + 1) / 2) / pairs
    return pd.Series(np.maximum(area, 1 - area), index=columns.columns)
