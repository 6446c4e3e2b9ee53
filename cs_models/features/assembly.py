"""From what single queries told of each point to one frame in the panel's order.

Grain in: a cohort's terms and points.  Grain out: one row per (subscription_id, as_of_date).
Source: ``methods.md`` 1.1 to 1.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from cs_models.errors import DataError
from cs_models.features import relationship
from cs_models.features.cohort import Cohort
from cs_models.features.recipe import Recipe
from cs_models.features.relations import columns as told_columns
from cs_models.features.usage import columns, counts

DATED: Final = [*columns.KEY, "term_start", "seats"]
ORDER: Final = ["account_id", "term_start", "subscription_id"]


def related(
    tables: Mapping[str, ir.Table], points: ir.Table, parts: list[pd.DataFrame], recipe: Recipe
) -> list[pd.DataFrame]:
    """Add what is told of the relationship to the usage columns.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables.
    points : ibis Table, one row per (subscription_id, as_of_date)
    parts : list of DataFrame
        The usage columns first.
    recipe : Recipe

    Returns
    -------
    list of DataFrame, one row per point each
    """
    asked = recipe.relationship
    if relationship.measures(asked):
        told = relationship.expression(tables, points, asked).execute()
        parts = [*parts, relationship.build(told, asked)]
    if recipe.relations is not None:
        told = told_columns.expression(tables, points, recipe.relations).execute()
        parts = [*parts, told_columns.build(told, parts[0], recipe.relations)]
    return parts


def together(
    cohorts: Mapping[int, Cohort], terms: Mapping[int, pd.DataFrame]
) -> tuple[pd.DataFrame, ir.Table]:
    """Return the terms of several cohorts as one frame, and their points as rows.

    Parameters
    ----------
    cohorts : mapping of int to Cohort
    terms : mapping of int to DataFrame
        What :func:`fetch` returned for each.
    """
    points = next(iter(cohorts.values())).points
    names = list(dict.fromkeys([*points.columns, *DATED]))
    every = pd.concat([frame[names] for frame in terms.values()], ignore_index=True)
    return every, in_memory(every, points)


def in_memory(terms: pd.DataFrame, points: ir.Table) -> ir.Table:
    """Return the points as rows: a second query would work the whole cohort out again.

    Parameters
    ----------
    terms : DataFrame
        From :func:`fetch`.
    points : ibis Table
        ``Cohort.points``, whose columns `terms` has too.
    """
    schema = points.schema()
    return ibis.memtable(
        pa.Table.from_pandas(terms[list(schema)], schema=schema.to_pyarrow(), preserve_index=False)
    )


def used(
    events: ir.Table,
    points: ir.Table,
    terms: pd.DataFrame,
    recipe: Recipe,
    *,
    unfinished: bool = False,
) -> pd.DataFrame:
    """Return the usage columns of every point.

    Parameters
    ----------
    events : ibis Table
        Canonical table.
    points : ibis Table, one row per (subscription_id, as_of_date)
    terms : DataFrame
        The same points with their dates and seats.
    recipe : Recipe
    unfinished : bool, default False
        As ``panel.build`` takes it.

    Raises
    ------
    DataError
        A term has two rows.
    """
    counted = counts.expression(events, points, recipe.usage).to_pyarrow()
    try:
        return columns.build(
            counted, terms[DATED], recipe.usage, recipe.recorded, unfinished=unfinished
        )
    except pd.errors.MergeError as error:
        raise _twice(error) from error


def joined(terms: pd.DataFrame, parts: Sequence[pd.DataFrame], recipe: Recipe) -> pd.DataFrame:
    """Put the columns beside the terms, in the panel's order.

    Parameters
    ----------
    terms : DataFrame
        From :func:`fetch`.
    parts : sequence of DataFrame
        One row per point each, by ``columns.KEY``.
    recipe : Recipe
        Kept in ``attrs``.

    Raises
    ------
    DataError
        A term has two rows.
    """
    frame = terms
    try:
        for part in parts:
            frame = frame.merge(part, on=columns.KEY, how="left", validate="1:1")
    except pd.errors.MergeError as error:
        raise _twice(error) from error
    frame = frame.sort_values(ORDER, kind="stable", ignore_index=True)
    frame.attrs = {"left_out_features": [], "recipe": recipe.plain()}
    return frame


def _twice(error: Exception) -> DataError:
    """Say that a term is there twice."""
    return DataError(
        "a term has two rows", where="subscriptions", got=str(error), repair="unique ids"
    )


def fetch(table: ir.Table) -> pd.DataFrame:
    """Run an expression and give every column a type that can be missing without changing.

    Parameters
    ----------
    table : ibis Table

    Returns
    -------
    DataFrame
        Integers ``Int8`` or ``Int64``, truth values ``boolean``, dates ``datetime64[s]``.
    """
    frame: pd.DataFrame = table.execute()
    for name, dtype in table.schema().items():
        if dtype.is_integer():
            frame[name] = frame[name].astype("Int8" if dtype.nbytes == 1 else "Int64")
        elif dtype.is_boolean():
            frame[name] = frame[name].astype("boolean")
        elif dtype.is_date():
            frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    return frame
