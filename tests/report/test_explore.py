"""The explorer shows by hand what the search measures."""

from __future__ import annotations

import pandas as pd
import pytest

from cs_models.errors import ParameterError
from cs_models.report import explore
from cs_models.report.evidence import thresholds as evidence
from cs_models.report.evidence.rules import WHOLE_BOOK

COLUMN = "events__report_shared__first_30d"


@pytest.fixture
def history() -> pd.DataFrame:
    """Return eight terms: of those below five events half were lost, of the others none."""
    return pd.DataFrame(
        {
            "account_id": list("abcdefgh"),
            "segment": ["North"] * 4 + ["South"] * 4,
            "churned": [1, 0, 0, 0, 1, 0, 0, 0],
            COLUMN: [1, 2, 5, 9, 0, 3, 7, 8],
        }
    )


def _rates(table: object) -> dict[str, float]:
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return {row["side"]: row["rate"] for row in rows}


def test_a_level_by_hand_splits_the_terms(history: pd.DataFrame) -> None:
    """Rates either side of a level are the shares renewed, for all and for one segment."""
    exhibit = explore.threshold(history, COLUMN, 5, by="segment")
    assert _rates(exhibit.table) == {evidence.BELOW: 0.5, evidence.ABOVE: 1.0}
    south = explore.threshold(history, COLUMN, 3, segment="South", by="segment")
    assert _rates(south.table) == {evidence.BELOW: 0.0, evidence.ABOVE: 1.0}


def test_what_a_customer_ever_reached_is_refused(history: pd.DataFrame) -> None:
    """A column that is not counted from the term's start is no threshold."""
    with pytest.raises(ParameterError, match="first days of the term"):
        explore.threshold(history, "days_since_last_use__to_date", 5, by=None)


def test_moving_the_slider_redraws(history: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """The knobs name every use and group; turning one draws the figure of the new level."""
    drawn = []
    monkeypatch.setattr(
        explore, "threshold", lambda _, column, cut, **who: drawn.append((column, cut, who))
    )
    box = explore.thresholds(history, by="segment")
    use, knobs, _ = box.children
    group, level = knobs.children
    assert dict(use.options) == {"report_shared events in the first 30 days of the term": COLUMN}
    assert [name for name, _ in group.options] == [WHOLE_BOOK, "North", "South"]
    level.value = 7.0
    group.value = "South"
    assert drawn[-2] == (COLUMN, 7.0, {"segment": None, "by": "segment"})
    assert drawn[-1] == (COLUMN, 7.0, {"segment": "South", "by": "segment"})
