"""How many terms meet the definition of adoption in force, as the readiness report counts them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cs_models.data import simulate, sources
from cs_models.data.mapping import Source
from cs_models.features import adoption, cohort, panel
from cs_models.report.display import Statement, Table
from cs_models.report.evidence import readiness as evidence
from cs_models.report.exhibits import readiness as exhibits

AS_OF = date(2026, 6, 30)
CAME = date(2024, 7, 1)
COLUMN = "events__report_shared__first_30d"


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the tables of 300 invented customers, with the faults that records have.

    The product got one of its features in the middle of the history.
    """
    folder = tmp_path_factory.mktemp("world")
    simulate.write(folder, scenario="step-by-segment", n_accounts=300, seed=6)
    _without_its_past(folder / "events.parquet")
    for left in ("truth.json", "checksums.json"):
        (folder / left).unlink()
    return sources.read(Source(path=str(folder)), as_of=AS_OF)


def _without_its_past(events: Path) -> None:
    there = f"feature <> 'report_shared' OR event_ts >= TIMESTAMP '{CAME}'"
    with duckdb.connect() as connection:
        rows = connection.sql(f"FROM '{events}' WHERE {there}").to_arrow_table()
    pq.write_table(rows, events)


@pytest.fixture(scope="module")
def terms(tables: Any) -> cohort.Cohort:
    """Return their terms, 60 days after each began."""
    return cohort.terms(tables, AS_OF, decision="after_start", days=60)


@pytest.fixture(scope="module")
def history(tables: Any, terms: cohort.Cohort) -> pd.DataFrame:
    """Return what the panel counts of the feature."""
    return panel.build(
        tables, terms, first_days=(30,), windows_days=(), features=("report_shared",)
    )


@pytest.mark.parametrize("by", ["segment", None])
def test_every_term_is_counted_once(
    tables: Any, terms: cohort.Cohort, history: pd.DataFrame, by: str | None
) -> None:
    """Met, not met and not known add up to the terms, and the groups add up to the whole."""
    definition = adoption.Definition("shares", (adoption.Condition(COLUMN, at_least=5),))
    counted = evidence.adopted(tables, terms, definition, by=by)
    parts = counted[["n_met", "n_not_met", "n_unknown"]].sum(axis=1)
    assert (parts == counted["n_terms"]).all()
    assert (counted[["n_met", "n_not_met", "n_unknown"]].iloc[0] > 0).all()
    before = (history["term_start"] < pd.Timestamp(CAME)).sum()
    assert counted["n_unknown"].iloc[0] == history[COLUMN].isna().sum() == before
    assert counted["n_terms"].iloc[0] == terms.terms.count().execute()
    assert (counted["n_terms"].iloc[1:].sum() == counted["n_terms"].iloc[0]) == (by is not None)
    assert counted["n_met"].iloc[0] == (history[COLUMN] >= 5).sum()
    said, table = exhibits.adopted(counted, definition)
    assert isinstance(said, Statement)
    assert isinstance(table, Table)
    assert "at least 5 report_shared events in the first 30 days of the term" in said.text
    assert f"{counted['n_met'].iloc[0]:,}" in said.text.replace("\u2009", ",").replace(" ", ",")


def test_without_a_definition_the_report_says_how_to_set_one() -> None:
    """Nothing is counted, and the parameter is named."""
    (said,) = exhibits.adopted(evidence.adopted({}, None, None, by=None), None)
    assert isinstance(said, Statement)
    assert "announces in the same run" in said.text
    assert "adoption_definition" in said.text
