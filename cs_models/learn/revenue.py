"""What the coming quarters bring in: renewal rates in money, with doubt that past quarters earned.

Grain: one row per (contract, quarter) in; one row per quarter and per account out.  A notebook
goes through five steps:

    history = renewals.history(tables, as_of)                  # features: what ended
    book    = revenue.book(renewals.book(tables, as_of), as_of)     # what comes up, and when
    due, refits = revenue.chances(book.due, revenue.base_rates(history), scores=…, rng=rng)
    process = revenue.learn(past.predictions, history)         # shocks, sizes, notices
    outlook = revenue.forecast(due, process, refits=refits, rng=rng, book_arr=book.arr)

and ``revenue.backtest`` says how often such intervals held.  Gross retention (GRR) counts what is
kept of the ARR due, without expansion; net retention (NRR) with it.

Not in the forecast: new customers; contracts not due in the quarters asked for, should they be
left early; and quarters in which more contracts shrink or grow than usual (only leaving has a
shock).

Source: ``methods.md`` 4 (revenue forecast), 7 and 9 (S8).
"""

from __future__ import annotations

from cs_models.learn.forecasting.chances import BaseRates, Notices, base_rates
from cs_models.learn.forecasting.chances import fill as chances
from cs_models.learn.forecasting.coverage import QuarterBacktest, backtest, coverage
from cs_models.learn.forecasting.opportunities import Book, book
from cs_models.learn.forecasting.outlook import Forecast, forecast
from cs_models.learn.forecasting.process import Process, learn
from cs_models.learn.forecasting.recovery import recover

__all__ = [
    "BaseRates",
    "Book",
    "Forecast",
    "Notices",
    "Process",
    "QuarterBacktest",
    "backtest",
    "base_rates",
    "book",
    "chances",
    "coverage",
    "forecast",
    "learn",
    "recover",
]
