"""What became of the contracts, year by year, is drawn in the order of the years."""

from __future__ import annotations

import pandas as pd

from cs_models.report.figures import history


def test_years_stand_in_their_order_whichever_outcome_has_them_first() -> None:
    """A year without the first outcome does not move behind the years that have it."""
    terms = pd.DataFrame(
        {"year": [2022, 2023, 2021, 2022], "outcome": ["renewed", "renewed", "churned", "churned"],
         "n_terms": [3, 4, 1, 1]}
    )  # fmt: skip
    figure = history.outcomes(terms, groups=["renewed", "churned"])
    assert figure.layout.xaxis.categoryorder == "category ascending"
    assert {year for trace in figure.data for year in trace.x} == {"2021", "2022", "2023"}
