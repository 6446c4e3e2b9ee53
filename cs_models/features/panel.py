"""The panel: one row per (subscription_id, as_of_date), cohort columns and usage columns.

Source: ``methods.md`` 1.1 to 1.4; the columns' names are those of ``catalogue``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

import ibis.expr.types as ir
import pandas as pd

from cs_models.errors import DataError, ParameterError
from cs_models.features.cohort import Cohort
from cs_models.features.usage import columns, counts

_PROOF_ROWS: Final = 1_000_000
ORDER: Final = ["account_id", "term_start", "subscription_id"]


@dataclass(frozen=True)
class Recipe:
    """How a panel was made, so that the guards can make it again.

    ``breadth`` are the features that ``distinct_features`` counts; ``has_users`` is False
    when the source names no user, and then nothing about users is known.
    """

    windows_days: tuple[int, ...]
    first_days: tuple[int, ...]
    features: tuple[str, ...]
    breadth: tuple[str, ...]
    has_users: bool
    data_start: str


def build(
    tables: Mapping[str, ir.Table],
    cohort: Cohort,
    *,
    windows_days: Sequence[int] = (7, 28, 90),
    first_days: Sequence[int] = (),
    min_accounts: int = 20,
    features: Sequence[str] | None = None,
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
    min_accounts : int, default 20
        Features used by fewer accounts than this are left out, by name.
    features : sequence of str, optional
        Only these features get columns of their own, however few accounts use them.
        ``()`` gives the account's columns alone.

    Returns
    -------
    pandas.DataFrame
        One row per (subscription_id, as_of_date) ordered by (account_id, term_start,
        subscription_id).  Counts are ``Int64``, quantities and ratios ``float64``, flags
        ``boolean``, dates ``datetime64[s]`` at midnight, ``arr`` Decimal.  Missing means
        not recorded, never zero.  ``attrs``: ``left_out_features`` (a list of
        {feature, n_accounts, reason}), ``recipe`` (how it was made).

    Raises
    ------
    ParameterError
        If a window is not between 1 and 3650 days, or a feature is named twice.
    DataError
        If a term has two rows.

    Notes
    -----
    Source: ``methods.md`` 1.1 to 1.4.
    """
    last, first = _lengths("windows_days", windows_days), _lengths("first_days", first_days)
    kept, rare = _reached(tables["events"], min_accounts)
    chosen = kept if features is None else tuple(features)
    if len(set(chosen)) < len(chosen):
        raise ParameterError("a feature is named twice", where="features", got=repr(chosen))
    recipe = Recipe(
        windows_days=last,
        first_days=first,
        features=chosen,
        breadth=kept,
        has_users=_has_users(tables["events"]),
        data_start=cohort.data_start.isoformat(),
    )
    frame = make(tables, cohort, recipe)
    frame.attrs["left_out_features"] = [
        {"feature": name, "n_accounts": n, "reason": f"used by fewer than {min_accounts} accounts"}
        for name, n in rare.items()
        if name not in chosen
    ]
    return frame


def make(tables: Mapping[str, ir.Table], cohort: Cohort, recipe: Recipe) -> pd.DataFrame:
    """Make a panel from a recipe: nothing about the columns is looked up in the data.

    Parameters
    ----------
    tables : Mapping[str, ibis.expr.types.Table]
        Canonical tables.
    cohort : Cohort
        The terms and their decision dates.
    recipe : Recipe
        The windows and features.

    Returns
    -------
    pandas.DataFrame
        As :func:`build` gives it.

    Raises
    ------
    DataError
        If a term has two rows.
    """
    request = counts.Request(
        last_days=recipe.windows_days,
        first_days=recipe.first_days,
        features=recipe.features,
        breadth=recipe.breadth,
    )
    terms = _fetch(cohort.terms)
    counted = counts.expression(tables["events"], cohort.points, request).to_pyarrow()
    points = terms[["subscription_id", "as_of_date", "term_start", "seats"]]
    try:
        used = columns.build(counted, points, request, _recorded(recipe))
        frame = terms.merge(used, on=columns.KEY, how="left", validate="1:1")
    except pd.errors.MergeError as error:
        raise DataError(
            "a term has two rows", where="subscriptions", got=str(error), repair="unique ids"
        ) from error
    frame = frame.sort_values(ORDER, kind="stable", ignore_index=True)
    frame.attrs = {"left_out_features": [], "recipe": _plain(recipe)}
    return frame


def recipe_of(frame: pd.DataFrame) -> Recipe:
    """Return the recipe a panel was made from.

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
    stored = frame.attrs.get("recipe")
    if not isinstance(stored, dict):
        raise DataError(
            "the panel does not say how it was made",
            where="frame.attrs['recipe']",
            got=repr(stored),
            repair="pass the frame that panel.build returned, or give rebuild=",
        )
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
    }
    return Recipe(**fields)


def _plain(recipe: Recipe) -> dict[str, object]:
    """Return a recipe as lists and scalars, which survive being written with the frame."""
    fields = asdict(recipe)
    return {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()}


def _recorded(recipe: Recipe) -> columns.Recorded:
    """Return what of the usage was recorded."""
    return columns.Recorded(date.fromisoformat(recipe.data_start), recipe.has_users)


def _lengths(where: str, lengths: Sequence[int]) -> tuple[int, ...]:
    """Return window lengths in ascending order, each once."""
    for length in lengths:
        if not 1 <= length <= 3650:
            raise ParameterError(
                "out of range", where=where, got=str(length), repair="1 to 3650 days"
            )
    return tuple(sorted(set(lengths)))


def _reached(events: ir.Table, min_accounts: int) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the features that reach enough accounts, and the others with their accounts.

    Counting every feature's accounts is as dear as counting users.  Most features prove
    themselves in any million rows, whichever the engine reads first, and only the others need
    the whole history: the answer does not depend on which rows those were.
    """
    some = _accounts_of(events.limit(_PROOF_ROWS))
    proven = {name for name, n in some.items() if n >= min_accounts}
    names = events.select("feature").drop_null().distinct().to_pyarrow()["feature"].to_pylist()
    unproven = sorted(set(names) - proven)
    others = _accounts_of(events.filter(events.feature.isin(unproven))) if unproven else {}
    kept = proven | {name for name, n in others.items() if n >= min_accounts}
    return tuple(sorted(kept)), {name: n for name, n in others.items() if name not in kept}


def _accounts_of(events: ir.Table) -> dict[str, int]:
    """Return how many accounts used each feature, in the order of the features' text."""
    counted = events.drop_null("feature").group_by("feature").agg(n=events.account_id.nunique())
    found = counted.to_pyarrow()
    return dict(sorted(zip(found["feature"].to_pylist(), found["n"].to_pylist(), strict=True)))


def _has_users(events: ir.Table) -> bool:
    """Return whether the source names any user."""
    return bool(events.drop_null("user_id").limit(1).count().execute())


def _fetch(table: ir.Table) -> pd.DataFrame:
    """Run an expression and give every column a type that can be missing without changing."""
    frame: pd.DataFrame = table.execute()
    for name, dtype in table.schema().items():
        if dtype.is_integer():
            frame[name] = frame[name].astype("Int8" if dtype.nbytes == 1 else "Int64")
        elif dtype.is_boolean():
            frame[name] = frame[name].astype("boolean")
        elif dtype.is_date():
            frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    return frame
