"""How many terms meet the definition of adoption in force, as the readiness report counts them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cs_models.data import sources
from cs_models.data.mapping import Source
from cs_models.features import adoption, cohort, panel
from cs_models.report.display import Statement, Table
from cs_models.report.evidence import readiness as evidence
from cs_models.report.exhibits import readiness as exhibits

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
AS_OF = date(2026, 6, 30)
COLUMN = "events__report_shared__first_30d"


@pytest.mark.parametrize("by", ["segment", None])
def test_every_term_is_counted_once(by: str | None) -> None:
    """Met, not met and not known add up to the terms, and the groups add up to the whole."""
    tables = sources.read(Source(path=str(SAMPLE)), as_of=AS_OF)
    terms = cohort.terms(tables, AS_OF, decision="after_start", days=60)
    definition = adoption.Definition("shares", (adoption.Condition(COLUMN, at_least=5),))
    counted = evidence.adopted(tables, terms, definition, by=by)
    parts = counted[["n_met", "n_not_met", "n_unknown"]].sum(axis=1)
    assert (parts == counted["n_terms"]).all()
    assert counted["n_terms"].iloc[0] == terms.terms.count().execute()
    assert (counted["n_terms"].iloc[1:].sum() == counted["n_terms"].iloc[0]) == (by is not None)
    history = panel.build(
        tables, terms, first_days=(30,), windows_days=(), features=("report_shared",)
    )
    assert counted["n_met"].iloc[0] == (history[COLUMN] >= 5).sum()
    said, table = exhibits.adopted(counted, definition)
    assert isinstance(said, Statement)
    assert isinstance(table, Table)
    assert "at least 5 report_shared events in the first 30 days of the term" in said.text
    assert f"{counted['n_met'].iloc[0]:,}" in said.text.replace("\u2009", ",").replace(" ", ",")


def test_without_a_definition_the_report_says_how_to_set_one() -> None:
    """Nothing is counted, and the parameter is named."""
    (said,) = exhibits.adopted(evidence.adopted({}, None, None, by=None), None)
    assert "adoption_definition" in said.text
