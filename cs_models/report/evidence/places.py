"""Names of the tables of the outlook's and the backtest's pages, which their sentences link to."""

from __future__ import annotations

COMING, WIDTH, AT_RISK, DUE, HELD, BOOK, PAST_KEPT, RESTS = (
    "coming-table", "width-table", "at-risk-table", "due-table", "held-table",
    "book-table", "past-kept-table", "rests-table",
)  # fmt: skip
SCORED, CALLED, LISTS, CALIBRATION, DRIFT, VALUE, RUNS, SAID, FORECASTS, ORIGINS = (
    "scored-table", "called-table", "lists-table", "calibration-table", "drift-table",
    "value-table", "runs-table", "said-table", "forecasts-table", "origins-table",
)  # fmt: skip
