"""The panel: one row per (subscription_id, as_of_date), cohort columns and usage columns.

Source: ``methods.md`` 1.1 to 1.4; the columns' names are those of ``catalogue``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

import ibis.expr.operations as ops
import ibis.expr.types as ir
import pandas as pd

from cs_models import kept
from cs_models.data.tables import Tables
from cs_models.features import assembly
from cs_models.features import cohort as cohorts
from cs_models.features import recipe as recipes
from cs_models.features.cohort import Cohort
from cs_models.features.recipe import Recipe
from cs_models.features.usage import columns

LANDMARKS: Final = (7, 14, 30, 45, 60, 90)


def build(
    tables: Mapping[str, ir.Table],
    cohort: Cohort,
    *,
    windows_days: Sequence[int] = (7, 28, 90),
    first_days: Sequence[int] = (),
    before_days: Sequence[int] = (),
    min_accounts: int = 20,
    features: Sequence[str] | None = None,
    unfinished: bool = False,
    relations: bool = False,
    export_features: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Build the panel of a cohort.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables.
    cohort : Cohort
        The terms and their decision dates.
    windows_days : sequence of int, default (7, 28, 90)
        Lengths of the windows before the decision date, in days.
    first_days : sequence of int, default ()
        Lengths of the windows from the term's start, in days.
    before_days : sequence of int, default ()
        Lengths of the windows that end at the term's start, in days: the account's use before
        the term, 0 for one that did not exist, for confounding only.
    min_accounts : int, default 20
        Features used by fewer accounts than this are left out, by name.
    features : sequence of str, optional
        Only these features get columns of their own, however few accounts use them.
        ``()`` gives the account's columns alone.
    unfinished : bool, default False
        Count use in windows from the term's start that are not over as far as they have come, for
        the terms that run today; otherwise it is missing.  Never to learn from.
    relations : bool, default False
        Add the measures in ``catalogue.RELATIONS``: tickets still open, survey answers, contacts,
        champions and decision makers, late steps, idle seats, change in the mix of use, exports,
        and the CRM's own health score, as far as the source records them.
    export_features : sequence of str, optional
        Features that carry data away, for ``export_spike``; those with "export" or "download" in
        their name when None.

    Returns
    -------
    pandas.DataFrame
        One row per (subscription_id, as_of_date) ordered by (account_id, term_start,
        subscription_id).  Counts are ``Int64``, quantities and ratios ``float64``, flags
        ``boolean``, dates ``datetime64[s]`` at midnight, ``arr`` Decimal.  Missing means
        not recorded, never zero; a feature that the product got after a term began is missing
        in that term.  Columns of tickets and of onboarding are there when the source has
        them.  ``attrs``: ``left_out_features`` (a list of
        {feature, n_accounts, reason}), ``recipe`` (how it was made).

    Raises
    ------
    ParameterError
        If a window is not between 1 and 3650 days, or a feature is named twice or never occurs in
        the events.
    DataError
        If a term has two rows.

    Notes
    -----
    Source: ``methods.md`` 1.1 to 1.4.
    """
    asked: dict[str, Any] = {
        "windows_days": windows_days,
        "first_days": first_days,
        "before_days": before_days,
        "min_accounts": min_accounts,
        "features": features,
        "relations": relations,
        "export_features": export_features,
    }

    def built() -> pd.DataFrame:
        recipe, rare = recipes.plan(tables, cohort.data_start, **asked)
        frame = make(tables, cohort, recipe, unfinished=unfinished)
        return _with_left_out(frame, recipe, rare, min_accounts)

    return kept.frame(identity(tables, cohort, "panel.build", asked, unfinished), built)


def make(
    tables: Mapping[str, ir.Table], cohort: Cohort, recipe: Recipe, *, unfinished: bool = False
) -> pd.DataFrame:
    """Make a panel from a recipe: nothing about the columns is looked up in the data.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables.
    cohort : Cohort
        The terms and their decision dates.
    recipe : Recipe
        The windows and features.
    unfinished : bool, default False
        As :func:`build` takes it.

    Returns
    -------
    pandas.DataFrame
        As :func:`build` gives it.

    Raises
    ------
    DataError
        If a term has two rows.
    """
    named = identity(tables, cohort, "panel.make", recipe.plain(), unfinished)
    return kept.frame(named, lambda: _made(tables, cohort, recipe, unfinished=unfinished))


def identity(tables: Mapping[str, ir.Table], cohort: Cohort, *decides: object) -> str:
    """Return a name for what is worked out from a cohort of a run's tables.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables.
    cohort : Cohort
        A cohort of theirs.
    *decides : object
        What is worked out and everything else that decides it, as ``kept.name`` takes it.

    Returns
    -------
    str
        Empty for tables that no run has read, and for a cohort that is not of them alone: what
        is worked out from those is never kept.
    """
    if not isinstance(tables, Tables) or not tables.fingerprint or kept.folder() is None:
        return ""
    for rows in (cohort.terms, cohort.points):
        if rows.get_backend() is not tables.connection or rows.op().find(ops.InMemoryTable):
            return ""
    return kept.name(tables.fingerprint, cohort.told, *decides)


def _made(
    tables: Mapping[str, ir.Table], cohort: Cohort, recipe: Recipe, *, unfinished: bool
) -> pd.DataFrame:
    """Make a panel; see :func:`make`."""
    terms = assembly.fetch(cohort.terms)
    parts = [assembly.used(tables["events"], cohort.points, terms, recipe, unfinished=unfinished)]
    points = assembly.in_memory(terms, cohort.points)
    return assembly.joined(terms, assembly.related(tables, points, parts, recipe), recipe)


def _with_left_out(
    frame: pd.DataFrame, recipe: Recipe, rare: Mapping[str, int], min_accounts: int
) -> pd.DataFrame:
    """Name the features that were left out."""
    few = f"used by fewer than {min_accounts} accounts"
    frame.attrs["left_out_features"] = [
        {"feature": name, "n_accounts": n, "reason": few}
        for name, n in rare.items()
        if name not in recipe.features
    ]
    return frame


def each(
    tables: Mapping[str, ir.Table],
    cohorts: Mapping[int, Cohort],
    *,
    features: Sequence[str],
    min_accounts: int = 20,
    **asked: Any,
) -> dict[int, pd.DataFrame]:
    """Build the panels of several cohorts in one reading of the history.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables.
    cohorts : Mapping[int, Cohort]
        By any number, such as the days from the decision to the renewal.  No two share a point
        (a term and a decision date); the records of all begin on the same day.
    features, min_accounts
        As :func:`build` takes them.
    **asked
        windows_days, first_days, before_days, relations, export_features of :func:`build`.

    Returns
    -------
    dict[int, pandas.DataFrame]
        What :func:`build` gives for each cohort.

    Raises
    ------
    ParameterError
        As :func:`build`.
    DataError
        If a term has two rows, or two cohorts share a point.

    Notes
    -----
    Source: ``methods.md`` 1.1 to 1.4.
    """
    if not cohorts:
        return {}
    one = next(iter(cohorts.values()))
    options = {"windows_days": (7, 28, 90), "first_days": (), "before_days": (), **asked}
    recipe, rare = recipes.plan(
        tables, one.data_start, features=features, min_accounts=min_accounts, **options
    )
    terms = {number: assembly.fetch(cohort.terms) for number, cohort in cohorts.items()}
    every, points = assembly.together(cohorts, terms)
    used = assembly.used(tables["events"], points, every, recipe)
    parts = assembly.related(tables, points, [used], recipe)
    return {
        number: _with_left_out(assembly.joined(rows, parts, recipe), recipe, rare, min_accounts)
        for number, rows in terms.items()
    }


def by_landmark(
    tables: Mapping[str, ir.Table],
    as_of: date,
    *,
    days: Sequence[int] = LANDMARKS,
    features: Sequence[str],
    data_start: date | None = None,
    grace_days: int = 30,
) -> dict[int, pd.DataFrame]:
    """Build one small panel a landmark, each of its own cohort, to tell how early is enough.

    A rule on the first k days is only known on day k, and by then some terms are over or in
    notice: each landmark has the terms that were still open on its own day.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables.
    as_of : datetime.date
        The data date.
    days : sequence of int, default (7, 14, 30, 45, 60, 90)
        Days after the term's start: the landmark, and the length of the only window.
    features : sequence of str
        The features with columns of their own.
    data_start : datetime.date, optional
        First day of recorded usage; told from the events when not given.
    grace_days : int, default 30
        Days after the renewal date in which a late paper still counts as a renewal.

    Returns
    -------
    dict[int, pandas.DataFrame]
        For each landmark, ascending, a panel with ``first_{k}d`` columns alone: those of
        ``features``, and the account's own but for ``distinct_features``; nothing of tickets
        or onboarding.  ``attrs`` as in :func:`build`, and ``exclusions``: the rows of
        ``cohort.exclusions``, so that the terms lost before each landmark can be told.

    Raises
    ------
    ParameterError
        If a landmark is not between 1 and 3650 days, or a feature is named twice.
    DataError
        If a required table is missing, there is no event, or a term has two rows.

    Notes
    -----
    Source: ``methods.md`` 1.2 (each T has its own landmark population).
    """
    chosen: dict[int, Cohort] = {}
    for day in sorted(set(days)):
        chosen[day] = cohorts.terms(
            tables,
            as_of,
            decision="after_start",
            days=day,
            grace_days=grace_days,
            data_start=data_start,
        )
        data_start = chosen[day].data_start
    if data_start is None:
        return {}
    shared = recipes.brief(tables["events"], data_start, features)
    # The history is read once for all landmarks: a point is a term and a decision date.
    terms = {day: assembly.fetch(cohort.terms) for day, cohort in chosen.items()}
    every, points = assembly.together(chosen, terms)
    used = assembly.used(tables["events"], points, every, replace(shared, first_days=tuple(chosen)))
    panels = {}
    for day, cohort in chosen.items():
        recipe = replace(shared, first_days=(day,))
        names = [measure.column for measure in columns.measures(recipe.usage)]
        panels[day] = assembly.joined(terms[day], [used[[*columns.KEY, *names]]], recipe)
        panels[day].attrs["exclusions"] = cohort.exclusions.to_dict("records")
    return panels


def recipe_of(frame: pd.DataFrame) -> Recipe:
    """Return the recipe a panel was made from; see ``recipe.read``.

    Parameters
    ----------
    frame : pandas.DataFrame
        A panel of :func:`build` with its ``attrs``.

    Returns
    -------
    Recipe
        Equal to the one it was made from.

    Raises
    ------
    DataError
        If the frame carries none.
    """
    return recipes.read(frame)
